# run: main(name="RED")
# %%
from enum import Enum


class Color(Enum):
    RED = 1
    GREEN = 2

    @property
    def pretty(self):
        return self.name.title()


# %%
Color.RED.hex = "#f00"


# %%
def main(name):
    color = Color[name]
    return color.pretty, color.value, color.hex, color is Color(1)
