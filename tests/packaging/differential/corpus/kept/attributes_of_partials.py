# run: train()
import functools


def scale(a, b=1):
    """Scale it."""
    return a * b


class Named(functools.partial):
    def twice(self):
        return self() * 2


doubled = functools.partial(scale, 2)
doubled.name, doubled.tags, doubled.me = "doubled", [1], doubled
wrapped = functools.partial(scale, 3)
functools.update_wrapper(wrapped, scale)
named = Named(scale, 4, b=5)
named.unit = "m"


class Base:
    def go(self):
        return "base"


class Derived(Base):
    def go(self):
        return "derived " + super().go()


derived = Derived()
above = super(Derived, derived)


def train():
    own = doubled(), doubled.name, doubled.tags, doubled.me is doubled
    return own, wrapped(), wrapped.__name__, wrapped.__doc__, wrapped.__wrapped__(3), named.twice(), named.unit, above.go()
