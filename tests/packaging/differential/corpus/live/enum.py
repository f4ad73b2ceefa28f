# run: train()
import enum
X = 3
class Color(enum.Enum):
    RED = X
    BLUE = "b"
    def hi(self): return self.value
X = 4
CUR = Color.RED
TABLE = {Color.RED: lambda: 1}
def train(): return Color.RED.value, CUR is Color.RED, TABLE[CUR](), Color.BLUE.hi(), len(Color)
