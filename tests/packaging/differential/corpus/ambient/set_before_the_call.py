# run: train()
import random

import numpy as np


class Run:
    def __init__(self, digits):
        self.digits = digits


def prepare(run):
    np.set_printoptions(precision=run.digits)
    random.seed(run.digits)


def train():
    return str(np.array([1.23456])), random.random()


def cells(run=None):
    for name in ("over", "under"):
        if name == "over":
            continue
        np.seterr(**{name: "raise"})
    with open(__file__) as stream:
        stream.read()
        prepare(run or Run(3))
    del run


cells()
