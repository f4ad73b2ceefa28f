# run: train()
import contextlib
def noisy(f):
    def w(*a):
        with f(*a) as v: return v
    return w
@noisy
@contextlib.contextmanager
def opened(x): yield x + 1
def train(): return opened(2)
