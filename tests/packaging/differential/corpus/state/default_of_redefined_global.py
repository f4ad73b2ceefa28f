# run: main(x=1)
# %%
RATE = 0.5


def scaled(x, rate=RATE):
    return x * rate


# %%
RATE = 2.0


# %%
def main(x):
    return scaled(x), RATE
