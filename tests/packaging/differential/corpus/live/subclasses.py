# run: train()
class Base:
    pass
class A(Base): pass
class B(Base): pass
class C(A): pass
def train(): return [c.__name__ for c in Base.__subclasses__()], [c.__name__ for c in A.__subclasses__()]
