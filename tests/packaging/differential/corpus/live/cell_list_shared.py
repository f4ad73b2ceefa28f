# run: train()
def make():
    log = []
    def a(x): log.append(x); return log
    def b(): return log
    return a, b
a, b = make()
a(1)
def train(): return a(2) is b(), b()
