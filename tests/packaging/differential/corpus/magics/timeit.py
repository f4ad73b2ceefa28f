# run: train()
# %%
seen = []
def work(x):
    return x ** 2
# %%
%%timeit -n 2 -r 1
def inside(x):
    return x
seen.append(inside(1))
# %%
%timeit -n 1 -r 1 work(3)
# %%
def train():
    return seen[:1], work(5)
