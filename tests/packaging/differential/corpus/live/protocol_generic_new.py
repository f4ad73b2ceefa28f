# run: train()
class Single:
    _inst = None
    def __new__(cls):
        if cls._inst is None: cls._inst = super().__new__(cls); cls._inst.n = 0
        return cls._inst
Single().n = 5
s = Single()
def train(): return Single() is s, Single().n
