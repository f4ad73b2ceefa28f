# run: train()
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
class Square(Shape):
    def area(self):
        return self.size**2
def train(): return SHAPES["square"](2).area()
