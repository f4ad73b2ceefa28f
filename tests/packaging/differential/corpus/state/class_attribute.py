# run: train(steps=3)
# %%
class CFG:
    lr = 1e-3
    steps = 10


# %%
CFG.lr = 3e-4


# %%
def train(steps):
    print("lr", CFG.lr)
    return CFG.lr * steps, CFG.steps
