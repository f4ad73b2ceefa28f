# run: train()
import os

import numpy as np


def setup():
    if os.sep != "/":
        return
    np.set_printoptions(precision=1)


def own_variables(digits, *, wide=True):
    width = 40 if wide else 80
    np.set_printoptions(precision=digits, linewidth=width)


def own_import():
    import decimal as d

    d.getcontext().prec = 7


def outer():
    def inner(edge):
        np.set_printoptions(edgeitems=edge)

    inner(2)
    own_variables(3)


setup()
outer()
own_import()


def train():
    from decimal import Decimal
    return str(np.arange(2000) / 3), str(Decimal(1) / 3)
