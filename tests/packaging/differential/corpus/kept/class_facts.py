# run: train()
import abc
import dataclasses


class Cleared(abc.ABC):
    @abc.abstractmethod
    def go(self): ...


Cleared.__abstractmethods__ = frozenset()


class Below(Cleared):
    pass


class Base(abc.ABC):
    @abc.abstractmethod
    def go(self): ...


class Later(Base):
    pass


Later.go = lambda self: 3
abc.update_abstractmethods(Later)


class Made(abc.ABC):
    def go(self):
        return 1


Made.go = abc.abstractmethod(Made.go)
abc.update_abstractmethods(Made)


class Bare:
    pass


class Documented:
    """Was there."""


@dataclasses.dataclass
class Data:
    x: int = 1


class Compared:
    def __eq__(self, other):
        return True


class Unhashable:
    pass


class Renamed:
    pass


class Exported:
    def go(self):
        return type(self).__module__


Bare.__doc__ = "Set later."
Documented.__doc__ = None
Data.__doc__ = "Mine."
Compared.__hash__ = lambda self: 7
Unhashable.__hash__ = None
Renamed.__name__, Renamed.__qualname__ = "Other", "Elsewhere.Other"
Exported.__module__ = "package.api"
instance = Renamed()


def fails(make):
    try:
        make()
    except TypeError:
        return True
    return False


def train():
    made = fails(Cleared), fails(Below), fails(Base), Later().go(), fails(Made), fails(lambda: hash(Unhashable()))
    texts = Bare.__doc__, Documented.__doc__, Data.__doc__, hash(Compared())
    return made, texts, Renamed.__name__, Renamed.__qualname__, type(instance) is Renamed, Exported().go()
