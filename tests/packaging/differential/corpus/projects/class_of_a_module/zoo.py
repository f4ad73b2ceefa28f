class Linear:
    def __init__(self, weight):
        self.weight = weight
        self.bias = 0.0

    def fit(self, x):
        return self.weight * x + self.bias
