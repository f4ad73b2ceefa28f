# run: main(offset=np.array([1.0, 2.0]))
# %%
import numpy as np

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)
SCALE = np.float64(0.5)
KIND = np.dtype("int16")


# %%
def main(offset):
    return (WEIGHTS * SCALE).sum(axis=1) + offset, WEIGHTS.dtype, np.zeros(2, KIND), float(SCALE)
