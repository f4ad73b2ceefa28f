# run: train()
class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        cls.count = getattr(cls, "count", 0) + 1
        return made
class Thing(metaclass=Meta):
    pass
things = [Thing(), Thing()]
def train():
    Thing()
    return Thing.count, len(things)
