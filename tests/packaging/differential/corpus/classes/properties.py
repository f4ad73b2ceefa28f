# run: main()
from functools import cached_property


class Circle:
    def __init__(self, r):
        self._r = r

    @property
    def r(self):
        return self._r

    @r.setter
    def r(self, value):
        print("set", value)
        self._r = value

    @cached_property
    def area(self):
        print("computing")
        return 3 * self._r**2


def main():
    circle = Circle(1)
    circle.r = 2
    return circle.area, circle.area
