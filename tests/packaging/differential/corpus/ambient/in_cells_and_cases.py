# run: train()
# %%
import gc
import os
import sys

import numpy as np

MODE = "fast"


def pick(mode):
    match mode:
        case "fast":
            np.set_printoptions(precision=2)
        case _:
            np.set_printoptions(precision=7)
    for digits in range(9):
        if digits < 3:
            continue
        gc.set_threshold(700, 10 + digits)
        if digits == 4:
            break
    try:
        import absent_module

        absent_module.set_nothing()
    except ImportError:
        gc.disable()
    return mode


# %%
match MODE:
    case "slow":
        np.seterr(over="ignore")
    case "fast":
        np.seterr(over="raise")

LAST = pick(MODE)
CHANGED = pick(mode="fast") if os.sep == "/" else None


# %%
def train():
    return str(np.array([1.23456])), np.geterr()["over"], gc.get_threshold(), gc.isenabled(), LAST
