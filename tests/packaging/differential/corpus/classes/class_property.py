# run: main()
class classproperty:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


class Registry:
    items = {"a": 1}

    @classproperty
    def names(cls):
        return sorted(cls.items)


Registry.items["b"] = 2


def main():
    return Registry.names, Registry().names
