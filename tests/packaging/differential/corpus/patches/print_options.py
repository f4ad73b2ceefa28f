# run: main()
# %%
import numpy as np

np.set_printoptions(precision=2, suppress=True)


# %%
def main():
    print(np.array([1.23456, 1e-9]))
    return 1
