# run: main()
class Pixel:
    __slots__ = ("x", "y", "__weakref__")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Colored(Pixel):
    __slots__ = ("color",)


dot = Colored(1, 2)
dot.color = "red"


def main():
    try:
        dot.z = 1
    except AttributeError:
        print("no z")
    return dot.x, dot.y, dot.color
