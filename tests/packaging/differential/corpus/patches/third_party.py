# run: main()
# %%
import numpy as np

_mean = np.mean


def loud_mean(values):
    print("mean of", len(values))
    return _mean(values)


np.mean = loud_mean


# %%
def main():
    return float(np.mean([1, 2, 3]))
