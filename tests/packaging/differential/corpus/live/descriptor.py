# run: train()
class Field:
    def __init__(self, d): self.d = d
    def __set_name__(self, o, n): self.n = n
    def __get__(self, i, o=None): return self if i is None else i.__dict__.get(self.n, self.d)
    def __set__(self, i, v): i.__dict__[self.n] = v
class A:
    x = Field(3); y = Field([1])
vars(A)["x"].d = 8
a = A(); a.y = 5
def train(): return A().x, a.y, A().y, vars(A)["x"].n
