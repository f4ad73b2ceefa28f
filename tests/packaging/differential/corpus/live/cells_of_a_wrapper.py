# run: train()
import functools
def counted():
    calls = 0
    def deco(f):
        @functools.wraps(f)
        def w(*a):
            nonlocal calls
            calls += 1
            return f(*a)
        return w
    def get(): return calls
    return deco, get
deco, get = counted()
@deco
def one(): return 1
class K:
    @deco
    def m(self): return 2
one(); K().m()
def train():
    one(); K().m()
    return get()
