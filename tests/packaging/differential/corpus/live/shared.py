# run: train()
X = [1]
Y = {"x": X}
Z = (X, [X])
def train():
    X.append(2)
    return Y["x"] is X, Z[0] is X, Z[1][0], Y
