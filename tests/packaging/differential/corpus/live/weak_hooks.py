# run: train()
class Model:
    def __init__(self): self.hooks = []
    def add(self, f): self.hooks.append(f); return self
    def fire(self): return [h(self) for h in self.hooks]
    def name(self): return "m"
m = Model().add(Model.name).add(lambda s: len(s.hooks))
m.add(m.__class__.name)
bound = m.fire
m.cb = m.name
def train(): return bound(), m.cb(), m.cb.__self__ is m
