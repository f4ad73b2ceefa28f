# run: total()
class Unit:
    known = []

    def __init__(self, name, factor):
        self.name = name
        self.factor = factor
        Unit.known.append(self)


METRE = Unit("m", 1.0)
KILOMETRE = Unit("km", 1000.0)


def total():
    return sum(unit.factor for unit in Unit.known), [u.name for u in Unit.known], KILOMETRE in Unit.known
