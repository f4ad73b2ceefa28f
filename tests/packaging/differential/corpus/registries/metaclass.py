# run: build(kind="circle", size=2.0)
# %%
SHAPES = {}


class Registered(type):
    def __new__(mcs, name, bases, namespace):
        cls = super().__new__(mcs, name, bases, namespace)
        if bases:
            SHAPES[name.lower()] = cls
        return cls


class Shape(metaclass=Registered):
    def __init__(self, size):
        self.size = size


# %%
class Square(Shape):
    def area(self):
        return self.size**2


class Circle(Shape):
    def area(self):
        return 3 * self.size**2


# %%
def build(kind, size):
    print(sorted(SHAPES))
    return SHAPES[kind](size).area()
