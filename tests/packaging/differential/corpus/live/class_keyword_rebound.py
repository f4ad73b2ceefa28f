# run: train()
# expect: refused: means something else since
class Base:
    def __init_subclass__(cls, tag=None, **kw): super().__init_subclass__(**kw); cls.tag = tag
T = "old"
class K(Base, tag=T): pass
T = "new"
def train(): return K.tag
