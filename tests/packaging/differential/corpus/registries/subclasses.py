# run: pick(wanted="cosine")
# %%
class Schedule:
    name = "none"

    def at(self, step):
        return 1.0


# %%
class Linear(Schedule):
    name = "linear"

    def at(self, step):
        return 1 - step / 10


class Cosine(Schedule):
    name = "cosine"

    def at(self, step):
        import math

        return (1 + math.cos(step / 10)) / 2


# %%
def pick(wanted):
    found = {cls.name: cls for cls in Schedule.__subclasses__()}
    return sorted(found), round(found[wanted]().at(3), 6)
