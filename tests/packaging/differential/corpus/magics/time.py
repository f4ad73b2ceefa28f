# run: train(n=3)
# %%
%%time
import math
def first(x):
    return math.sqrt(x)
# %%
%%time
class Second:
    size = 4
    def go(self, x):
        return first(x) + self.size
table = {"a": first}
# %%
%%time
def train(n):
    print(Second.__name__)
    return [Second().go(n), table["a"](16), (lambda x: x + 1)(n)]
