# run: train()
from toolbox import *


def train():
    return hammer(2), NAILS, "_hidden" in globals()
