# run: main(steps=STEPS, first=STEPS[:2], read_only=types.MappingProxyType(EXTRA), extra=EXTRA)
# %%
import types

import numpy as np

OPTIONS = {"lr": [0.1]}
READ_ONLY = types.MappingProxyType(OPTIONS)
GRID = np.zeros((3, 4))
COLUMN = GRID[:, 1]
BACKWARDS = GRID[::-1]
STEPS = np.arange(3)
EXTRA = {}


# %%
def main(steps, first, read_only, extra):
    OPTIONS["momentum"] = 0.9
    GRID[2] = 5
    COLUMN[0] = 7
    steps[1] = 9
    extra["seen"] = True
    return dict(READ_ONLY), READ_ONLY["lr"] is OPTIONS["lr"], COLUMN, BACKWARDS, GRID, first, dict(read_only)
