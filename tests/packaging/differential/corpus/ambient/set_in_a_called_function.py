# run: train()
import os

import numpy as np


def setup(digits=3):
    np.set_printoptions(precision=2)
    os.environ["SET_IN_A_FUNCTION"] = "2"
    local = digits + 1
    np.set_printoptions(linewidth=local * 20)


def early():
    if os.sep == "/":
        return
    np.set_printoptions(precision=1)


setup()
early()
np.set_printoptions(linewidth=80)


def train():
    return str(np.array([1.23456])), os.environ["SET_IN_A_FUNCTION"]
