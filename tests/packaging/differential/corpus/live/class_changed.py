# run: train()
class A:
    def v(self): return "a"
class B:
    def v(self): return "b"
o = A(); o.__class__ = B
def train(): return o.v(), type(o).__name__
