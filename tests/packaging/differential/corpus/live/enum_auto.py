# run: train()
import enum
class E(enum.Flag):
    A = enum.auto(); B = enum.auto()
    AB = A | B
class S(str, enum.Enum):
    X = "x"
    @classmethod
    def first(cls): return list(cls)[0]
S.extra = 5
V = E.A | E.B
def train(): return V is E.AB, S.first() == "x", S.extra
