# run: train()
def make():
    n = 0
    class K:
        @property
        def x(self):
            nonlocal n
            n += 1
            return n
        @staticmethod
        def s(): return n
    return K, (lambda: n)
K, get = make()
K().x
def train():
    K().x
    return get(), K.s()
