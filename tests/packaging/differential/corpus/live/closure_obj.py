# run: train()
class Model:
    def __init__(self): self.w = 2
def make(m):
    def step(x):
        m.w += x
        return m.w
    return step, (lambda: m.w)
step, get = make(Model())
step(5)
def train(): step(1); return get()
