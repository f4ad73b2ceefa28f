# run: train()
# expect: refused: trainjob: train cannot be sent to a job
# %%
exec("""
import enum, dataclasses, abc
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Conf:
    a: int = 1
class Abs(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class Con(Abs):
    def f(self): return 1
""")
def train():
    return Color.RED, Conf(2), Con().f(), Color.RED is Color(1)
