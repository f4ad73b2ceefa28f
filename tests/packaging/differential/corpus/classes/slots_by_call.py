# run: main()
# %%
import attr
import dataclasses


class V:
    x: int
    y: int = 2

    def twice(self):
        return self.x * 2


W = attr.define(V)
X = dataclasses.dataclass(slots=True)(V)


# %%
def main():
    return repr(W(1)), W(1).twice(), V.__module__, W.__slots__, repr(X(3)), hasattr(V, "__slots__")
