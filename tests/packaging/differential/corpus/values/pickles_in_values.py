# run: train(arg=ARG, more=[PROTO0, (PROTO2,)], config=CONF)
# %%
import io, pickle
from dataclasses import dataclass
from enum import Enum
from collections import namedtuple

class Color(Enum):
    RED = 1

Point = namedtuple("Point", "x y")

class Base:
    def hello(self): return "base"

class Net(Base):
    def __init__(self): self.color = Color.RED; self.p = Point(1, 2)
    def __eq__(self, other): return vars(self) == vars(other)
    def __repr__(self): return f"Net({self.color}, {self.p}, {self.hello()})"

class Outer:
    class Inner:
        v = 3
        def __repr__(self): return "Inner"

@dataclass
class Conf:
    blob: bytes
class Only0:
    def __repr__(self): return "Only0"
class Only2(dict): pass
class OnlyArg: 
    def __repr__(self): return "OnlyArg"
class OnlyConf: 
    def __repr__(self): return "OnlyConf"
class Many:
    def __repr__(self): return "Many"
class Many2:
    def __repr__(self): return "Many2"
def fn(x): return x + 1

SAVED = pickle.dumps(Net())
BUF = io.BytesIO(pickle.dumps([Outer.Inner(), fn]))
PROTO0 = pickle.dumps(Only0(), 0)
PROTO2 = pickle.dumps(Only2(a=1), 2)
ARG = bytearray(pickle.dumps(OnlyArg()))
CONF = Conf(pickle.dumps(OnlyConf()))
LIST = {"a": [pickle.dumps([Many(), Many2()])]}

# %%
def train(arg, more, config):
    inner, f = pickle.loads(BUF.getvalue())
    return (pickle.loads(SAVED), inner, f(2), pickle.loads(arg), pickle.loads(more[0]), pickle.loads(more[1][0]),
            pickle.loads(config.blob), pickle.loads(LIST["a"][0]))
