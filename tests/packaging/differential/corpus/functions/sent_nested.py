# run: make(rate=0.5)(x=4)
def make(rate):
    table = {"a": rate}

    def scale(x):
        return x * table["a"]

    def train(x):
        return scale(x) + 1

    return train
