# run: train()
class P:
    __slots__ = ("x", "y")
    def __init__(self): self.x = 4
    def go(self): return self.x, hasattr(self, "y")
m = P().go
def train(): return m()
