# run: train(name="relu", x=-2)
# %%
from registry import LAYERS, register
import layers


@register("square")
def square(x):
    return x * x


# %%
def train(name, x):
    return LAYERS[name](x), sorted(LAYERS)
