# run: train()
# %%
%%time
double = lambda x: 2 * x
pair = (lambda x: x - 1, lambda x: x + 1)
# %%
def train():
    return double(4), pair[0](4), pair[1](4)
