# run: train()
from space.inner import value
import space.other.deep as deep


def train():
    return value, deep.NAME
