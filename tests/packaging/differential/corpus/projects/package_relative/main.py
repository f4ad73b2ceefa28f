# run: train(x=2)
from mylib import api
from mylib.core.ops import double


def train(x):
    return double(x), api.quadruple(x), api.VERSION
