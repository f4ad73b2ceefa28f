# run: partial(train, lr=0.5)(epochs=2)
# %%
from functools import partial


def train(lr, epochs):
    print("lr", lr)
    return lr * epochs
