# run: main()
# %%
def scale(x):
    return x * FACTOR


# %%
FACTOR = 2

# %%
FACTOR = FACTOR + 1
values = [scale(i) for i in range(3)]


# %%
FACTOR = 10


# %%
def main():
    return values, scale(1)
