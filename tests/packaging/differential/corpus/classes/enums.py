# run: main(level=Level.HIGH, flags=Perm.R | Perm.W)
# %%
from enum import Enum, Flag, IntEnum, StrEnum, auto


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Perm(Flag):
    R = auto()
    W = auto()
    X = auto()


class Kind(StrEnum):
    A = auto()


class Planet(Enum):
    EARTH = (5.97, 6.37)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius


BY_LEVEL = {Level.LOW: "low", Level.HIGH: "high"}
current = Planet.EARTH


# %%
def main(level, flags):
    return BY_LEVEL[level], flags, Perm.X in flags, Kind.A, current.mass, current is Planet.EARTH
