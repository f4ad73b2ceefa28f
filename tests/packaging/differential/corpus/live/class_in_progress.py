# run: train()
class A:
    kids = []
    def add(self): return [k.__name__ for k in A.kids]
class B(A): pass
A.kids.append(B)
A.default = B()
def train(): return A().add(), type(A.default) is B, isinstance(A.default, A)
