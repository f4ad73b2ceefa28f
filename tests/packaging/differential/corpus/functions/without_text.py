# run: train(x=[1, 2])
# expect: refused: trainjob: train cannot be sent to a job
# %%
import numpy as np
import json
np.set_printoptions(precision=2)
SRC = """
class Base:
    def __init__(self, k): self.k = k
    def go(self, x): return x * self.k
class Net(Base):
    def __init__(self): super().__init__(3)
def helper(x):
    print(np.array([1.23456]))
    return [Net().go(i) for i in x]
"""
exec(SRC)
LOG = []
def train(x):
    LOG.append(1)
    return helper(x), json.dumps(x), LOG
