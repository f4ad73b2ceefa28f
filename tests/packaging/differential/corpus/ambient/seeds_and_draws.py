# run: main()
# %%
import random

import numpy as np

random.seed(42)
np.random.seed(7)

# %%
first = random.random(), np.random.rand()
shuffled = list(range(5))
random.shuffle(shuffled)


# %%
def main():
    return random.random(), random.randint(0, 100), float(np.random.rand()), np.random.randint(0, 9, 3).tolist(), shuffled
