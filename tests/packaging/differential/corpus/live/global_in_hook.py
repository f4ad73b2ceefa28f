# run: train()
N = 0
LOG = []
class Base:
    def __init_subclass__(cls, **kw):
        global N
        N += 1
        LOG.append(cls.__name__)
        cls.index = N
class A(Base): pass
class B(Base): pass
N += 10
LOG.append("end")
def train(): return N, LOG, A.index, B.index
