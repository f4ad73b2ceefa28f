# run: train()
# %%
%%capture out
%%time
def inner(x):
    return x + 1
print("captured")
# %%
%%capture --no-stderr
class Config:
    lr = 0.1
Config.lr = 0.2
# %%
def train():
    print("shown")
    return inner(1), Config.lr
