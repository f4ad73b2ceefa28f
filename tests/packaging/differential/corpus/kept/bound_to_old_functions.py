# run: train()
import functools


class Held:
    def __init__(self, function):
        self.function = function


class Called:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


def old(self=None):
    return 1


class Model:
    plain = old
    static = staticmethod(old)
    of_class = classmethod(old)
    read = property(old)
    part = functools.partial(old, None)
    method = functools.partialmethod(old)
    cached = functools.cached_property(old)
    remembered = functools.lru_cache(old)
    sized = staticmethod(functools.lru_cache(maxsize=3)(old))
    several = [old]
    table = {"old": old}
    held = Held(old)
    called = Called(old)
    by_default = lambda self, function=old: function()  # noqa: E731

    def go(self, first=old, *, second=old):
        return first(), second()


alone = functools.partial(old)
cached = functools.lru_cache(old)


def old(self=None):
    return 2


def train():
    model = Model()
    bound = model.plain(), Model.static(), Model.of_class(), model.read, Model.part(), model.method(), model.cached
    more = Model.remembered(), Model.sized(), Model.several[0](), Model.table["old"](), Model.held.function(), Model.called
    return bound, more, model.by_default(), model.go(), alone(), cached(), old(), Model.several[0] is Model.static
