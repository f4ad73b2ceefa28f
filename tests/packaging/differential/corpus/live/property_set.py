# run: train()
class A:
    def __init__(self): self._x = 1
A.x = property(lambda self: self._x + 1)
A.s = staticmethod(lambda v: v * 2)
A.c = classmethod(lambda cls: cls.__name__)
A.__len__ = lambda self: 7
A.__doc__ = "new doc"
def train(): return A().x, A.s(2), A.c(), len(A()), A.__doc__
