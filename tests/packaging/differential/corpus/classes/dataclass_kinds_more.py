# run: main(c=Child(b=3, a=1))
# %%
from dataclasses import KW_ONLY, InitVar, astuple, dataclass, field

DEFAULTS = {"x": 1}


@dataclass(order=True)
class Ranked:
    score: float
    name: str = field(compare=False, default="n")


@dataclass
class Parent:
    a: int
    _: KW_ONLY
    b: int = 2


@dataclass
class Child(Parent):
    scale: InitVar[int] = 10
    table: dict = field(default_factory=lambda: dict(DEFAULTS))

    def __post_init__(self, scale):
        self.a *= scale


best = max(Ranked(1.0, "a"), Ranked(2.0, "b"))


# %%
def main(c):
    return astuple(c), best, Ranked(0) < best, Child(2).table
