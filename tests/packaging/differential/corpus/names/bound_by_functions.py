# run: train()
# %%
import sys


class Config:
    def load(self):
        global CFG, LEVEL
        CFG = {"a": 1}
        LEVEL = 3

        def inner():
            global DEEP
            DEEP = CFG["a"] + 1

        inner()


def lazily():
    global math, item, stream, doubled, Kept, first
    import math

    for item in range(3):
        pass
    with open("/dev/null") as stream:
        pass

    def doubled(number):
        return number * 2

    class Kept:
        value = 4

    (first, _), *_ = [(5, 6), 7]


def by_namespace(**settings):
    globals()["WIDTH"] = 7
    globals().update(settings)
    setattr(sys.modules[__name__], "DEPTH", 8)
    exec("HEADS = WIDTH + DEPTH", globals())


# %%
def use():
    return CFG, LEVEL, DEEP, math.sqrt(4), item, stream.closed, doubled(Kept.value), first


# %%
def train():
    use_before = "WIDTH" in globals(), "math" in globals()
    Config().load()
    lazily()
    by_namespace(DROPOUT=0.5)
    cache = CACHE if "CACHE" in globals() else None
    return use_before, use(), WIDTH, DEPTH, HEADS, DROPOUT, cache
