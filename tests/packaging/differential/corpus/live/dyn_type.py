# run: train()
def area(self): return self.r * 2
Shape = type("Shape", (), {"r": 3, "area": area})
TABLE = {n: type(n, (Shape,), {"r": i}) for i, n in enumerate("ab")}
def train(): return Shape().area(), TABLE["b"]().area(), TABLE["a"].__name__
