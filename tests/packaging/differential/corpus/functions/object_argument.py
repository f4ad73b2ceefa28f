# run: train(config=Config(lr=0.1))
# %%
class Config:
    def __init__(self, lr):
        self.lr = lr
        self.tags = {"a"}

    def half(self):
        return self.lr / 2


def train(config):
    return config.half(), config.tags, type(config).__name__
