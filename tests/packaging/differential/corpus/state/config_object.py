# run: train()
# %%
class Config:
    def __init__(self):
        self.lr = 0.1
        self.layers = [64, 64]
        self.name = "base"


cfg = Config()

# %%
cfg.lr = 0.01
cfg.layers.append(32)
cfg.extra = {"warmup": 100}


# %%
def train():
    print(cfg.name, cfg.lr)
    return cfg.lr, cfg.layers, cfg.extra
