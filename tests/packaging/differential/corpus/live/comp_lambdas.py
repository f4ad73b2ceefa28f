# run: train()
FS = [lambda x, i=i: x * i for i in range(3)]
GS = {n: (lambda x: x + len(n)) for n in ("a", "bb")}
def train(): return [f(2) for f in FS], GS["a"](1)
