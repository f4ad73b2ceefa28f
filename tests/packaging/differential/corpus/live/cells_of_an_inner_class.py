# run: train()
def make():
    n = 0
    class K:
        def inc(self):
            nonlocal n
            n += 1
    def get(): return n
    return K(), get
k, get = make()
k.inc()
def train():
    k.inc()
    return get()
