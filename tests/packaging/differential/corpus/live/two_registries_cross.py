# run: train()
MODELS, LOSSES = {}, {}
def model(cls): MODELS[cls.__name__] = cls; return cls
def loss(f): LOSSES[f.__name__] = f; return f
@model
class Net:
    def __init__(self): self.loss = LOSSES["mse"]
@loss
def mse(a): return a * len(MODELS)
DEFAULT = Net()
def train(): return DEFAULT.loss(2), MODELS["Net"]().loss is mse, type(DEFAULT) is Net
