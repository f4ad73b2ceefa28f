# run: train()
class Registry:
    def __init__(self): self.table = {}
    def register(self, name=None):
        def deco(f):
            key = name or f.__name__
            if key in self.table: raise KeyError(key)
            self.table[key] = f
            return f
        return deco
    def __getitem__(self, k): return self.table[k]
R = Registry()
@R.register()
def a(): return 1
@R.register("bee")
class B:
    def go(self): return 2
def train(): return R["a"](), R["bee"]().go(), B is R["bee"], sorted(R.table)
