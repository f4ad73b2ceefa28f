# run: train()
import logging
import sys

import numpy as np


def setup(level):
    np.set_printoptions(precision=level)


def train():
    return str(np.array([1.23456])), np.geterr()["over"], logging.getLogger("x.y").level


def main(argv=None):
    arguments = argv or sys.argv[1:]
    level = 2
    setup(level)
    np.seterr(over="raise")
    logging.getLogger("x.y").setLevel(logging.ERROR)
    assert train()
    print(arguments)


if __name__ == "__main__":
    main()
