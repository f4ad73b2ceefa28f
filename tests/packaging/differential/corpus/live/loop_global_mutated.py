# run: train()
X = []
for i in range(3): X.append(i * i)
Y = [v + 1 for v in X]
def train(): return X, Y
