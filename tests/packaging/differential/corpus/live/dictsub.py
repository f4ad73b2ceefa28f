# run: train()
class D(dict):
    def __setitem__(self, k, v): raise RuntimeError
    def __getattr__(self, n): return self[n]
d = D(a=1); d.__dict__["z"] = 1
class L(list): pass
l = L([1, 2]); l.name = "n"
class T(tuple): pass
t = T((1, 2)); t.k = 3
class F(float): pass
f = F(2.5); f.u = "m"
def train(): return d.a, dict(d), list(l), l.name, tuple(t), t.k, float(f), f.u, type(f).__name__
