# run: main()
# %%
import dataclasses


@dataclasses.dataclass
class V:
    x: int


W = dataclasses.dataclass(order=True, frozen=True)(V)


# %%
def main():
    return W(1), W(1) < W(2)
