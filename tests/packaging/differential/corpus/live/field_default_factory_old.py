# run: train()
import dataclasses
def mk(): return [1]
@dataclasses.dataclass
class D:
    x: list = dataclasses.field(default_factory=mk)
def mk(): return [2]
def train(): return D().x
