# run: evaluate(name="mse", a=[1.0, 2.0], b=[2.0, 4.0])
# %%
METRICS = {}


def mse(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)


def mae(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)


# %%
METRICS["mse"] = mse
METRICS["mae"] = mae
METRICS.update(default=mse)


# %%
def evaluate(name, a, b):
    return METRICS[name](a, b), METRICS["default"] is METRICS["mse"], METRICS["mae"](a, b)
