# run: main(given=Net(3))
# %%
import attr
import attrs


@attr.define
class Net:
    width: int
    depth: int = attr.field(default=2)
    names: list = attr.Factory(list)


@attrs.frozen
class Point:
    x: int = attrs.field(converter=int)

    @x.validator
    def check(self, attribute, value):
        if value < 0:
            raise ValueError("negative")


@attr.s(auto_attribs=True)
class Old:
    a: int = 1


NET = Net(1)
NET.names.append("a")


# %%
def main(given):
    return given, NET, Point("3"), Old(), Net(1) == Net(1, 2, []), attr.asdict(NET), Net.__slots__
