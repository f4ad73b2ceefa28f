# run: main()
# %%
def singleton(cls):
    instances = {}

    def get(*args):
        if cls not in instances:
            instances[cls] = cls(*args)
        return instances[cls]

    return get


def with_repr(cls):
    cls.__repr__ = lambda self: f"<{cls.__name__} {vars(self)}>"
    return cls


# %%
@singleton
class Settings:
    def __init__(self, value):
        self.value = value


@with_repr
class Thing:
    def __init__(self):
        self.a = 1


# %%
def main():
    return Settings(1).value, Settings(2).value, repr(Thing())
