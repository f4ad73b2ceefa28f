# run: train()
X = [1]
Y = {"x": X}
def train():
    Y["x"].append(3)
    return X
