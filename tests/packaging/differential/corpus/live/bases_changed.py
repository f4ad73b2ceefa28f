# run: train()
class A:
    def go(self): return "A"
class B:
    def go(self): return "B"
class C(A): pass
C.__bases__ = (B,)
def train(): return C().go(), issubclass(C, A)
