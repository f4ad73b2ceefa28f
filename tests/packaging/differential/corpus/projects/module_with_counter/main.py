# run: train()
# %%
import ids

first = ids.fresh()
second = ids.fresh()


# %%
def train():
    return first, second, ids.fresh()
