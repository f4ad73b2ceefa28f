# run: train()
class Base:
    plugins = []
    def __init_subclass__(cls, *, tag="t", **kw):
        super().__init_subclass__(**kw); cls.tag = tag; Base.plugins.append((tag, cls))
class A(Base, tag="a"): pass
class B(Base): pass
Base.plugins.reverse()
def train(): return [(t, c.__name__) for t, c in Base.plugins], A.tag, B.tag
