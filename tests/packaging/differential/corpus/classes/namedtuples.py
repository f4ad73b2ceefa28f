# run: main(p=Point(1, 2))
from collections import namedtuple
from typing import NamedTuple

Point = namedtuple("Point", "x y")


class Employee(NamedTuple):
    name: str
    id: int = 3

    def label(self):
        return f"{self.name}#{self.id}"


staff = [Employee("Ada"), Employee("Bob", 4)]


def main(p):
    return p.x + p.y, p._replace(x=5), [e.label() for e in staff], staff[1]
