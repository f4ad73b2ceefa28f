# run: train()
def singleton(cls): return cls()
@singleton
class Config:
    lr = 0.1
    def __init__(self): self.n = 3
    def go(self): return self.lr, self.n
Config.n = 4
def train(): return Config.go(), type(Config).__name__
