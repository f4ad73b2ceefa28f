# run: train()
from enum import Enum
class Planet(Enum):
    EARTH = (1.0, 2.0)
    MARS = (3.0, 4.0)
    def __init__(self, mass, radius): self.mass = mass; self.radius = radius
Planet.EARTH.hex = "#f00"
def train(): return Planet.EARTH.mass, Planet.EARTH.hex, Planet((3.0, 4.0)).name
