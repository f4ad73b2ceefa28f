# run: report()
# %%
from collections import Counter

uses = Counter()


def counted(function):
    uses[function.__name__] += 1
    return function


# %%
@counted
def first():
    return 1


@counted
def second():
    return first() + 1


# %%
uses["manual"] = 5


# %%
def report():
    print(second())
    return dict(uses)
