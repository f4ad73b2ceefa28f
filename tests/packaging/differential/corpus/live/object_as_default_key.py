# run: train()
MISSING = object()
def get(d, k, default=MISSING): return "no" if default is MISSING else default
class A:
    val = MISSING
def train(): return get({}, 1), A.val is MISSING, get({}, 1, 2)
