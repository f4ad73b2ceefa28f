# run: main(color="blue")
# %%
from enum import Enum, unique


@unique
class Color(str, Enum):
    RED = "red"
    BLUE = "blue"

    @classmethod
    def _missing_(cls, value):
        return cls.RED

    @classmethod
    def default(cls):
        return cls.BLUE

    def mix(self, other):
        return f"{self.value}+{other.value}"


NAMES = {color: color.name for color in Color}
favourites = [Color.RED, Color("nothing")]


# %%
def main(color):
    return Color(color).mix(Color.default()), NAMES[Color.RED], favourites, Color("red") is Color.RED
