# run: main()
# expect: refused: which only pickle can carry
import numpy as np

rng = np.random.default_rng(7)
rng.random(3)


def main():
    return round(float(rng.random()), 12), rng.integers(0, 100, 3).tolist()
