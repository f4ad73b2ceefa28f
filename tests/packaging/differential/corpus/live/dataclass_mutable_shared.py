# run: train()
from dataclasses import dataclass, field
@dataclass
class Cfg:
    names: list = field(default_factory=list)
    fn: object = len
a = Cfg(["x"]); b = a
c = Cfg(a.names, fn=lambda v: v)
def train(): a.names.append("y"); return b is a, c.names, c.fn(3), a.fn("ab")
