# run: train(x=-1)
from checks import positive


def train(x):
    return positive(x)
