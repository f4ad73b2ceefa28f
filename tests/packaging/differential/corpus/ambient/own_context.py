# run: train()
import contextlib
import time

import numpy as np


@contextlib.contextmanager
def timed(what):
    start = time.time()
    yield
    print(what, time.time() - start < 5)


with timed("setting up"):
    np.seterr(over="raise")


def train():
    return np.geterr()["over"]
