# run: train()
REG = []
def reg(cls):
    REG.append(cls); cls.tag = "t" + str(len(REG))
    return cls
@reg
class A: pass
@reg
class B(A): pass
def train(): return [c.__name__ for c in REG], A.tag, B.tag
