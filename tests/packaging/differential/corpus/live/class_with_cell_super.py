# run: train()
def outer(base):
    class K(base):
        def __init__(self): super().__init__(); self.v = 1
        def go(self): return super().go() + self.v
    return K
class Base:
    def go(self): return 5
K = outer(Base)
k = K()
k.v = 7
def train(): return k.go(), K().go(), isinstance(k, Base)
