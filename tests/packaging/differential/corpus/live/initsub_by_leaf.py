# run: train()
class Base:
    registry = {}
    def __init_subclass__(cls, **kw):
        Base.registry[cls.__name__] = cls
class A(Base):
    def go(self): return 1
class B(Base):
    def go(self): return 2
def train(): return A().go(), list(Base.registry)
