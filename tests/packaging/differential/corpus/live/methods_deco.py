# run: train()
def logged(f):
    def w(self, *a):
        self.log.append(f.__name__)
        return f(self, *a)
    return w
class A:
    def __init__(self): self.log = []; self.__p = 3
    @logged
    def go(self, x): return x + self.__p
    @property
    def two(self): return 2
    @two.setter
    def two(self, v): self.log.append(v)
    @staticmethod
    def s(x): return x
    @classmethod
    def c(cls): return cls.__name__
def train():
    a = A(); r = a.go(1); a.two = 5
    return r, a.log, a.two, A.s(1), A.c()
