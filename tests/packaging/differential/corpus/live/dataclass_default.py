# run: train()
from dataclasses import dataclass, field
LR = 0.1
@dataclass
class C:
    lr: float = LR * 2
    xs: list = field(default_factory=list)
    n: int = 3
LR = 5.0
C.n = 9
def train(): return C().lr, C().xs, C().n, C.n, LR
