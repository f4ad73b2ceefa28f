# run: train()
# %%
%%time
def f():
    return 1
old = f
# %%
%%time
def f():
    return 2
# %%
def train():
    return f(), old()
