# run: trainer.fit(epochs=3)
# %%
class Trainer:
    def __init__(self, lr):
        self.lr = lr
        self.history = []

    def step(self, epoch):
        self.history.append(self.lr * epoch)

    def fit(self, epochs):
        for epoch in range(epochs):
            self.step(epoch)
        return self.history


trainer = Trainer(0.1)
