# run: train()
class A:
    @property
    def v(self): return 1
A.v = property(lambda self: 2, doc="d")
def train(): return A().v
