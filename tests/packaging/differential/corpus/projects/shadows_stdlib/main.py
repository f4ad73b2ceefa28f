# run: train(x=3)
from model import Model
from profile import describe


def train(x):
    return Model().forward(x), describe()
