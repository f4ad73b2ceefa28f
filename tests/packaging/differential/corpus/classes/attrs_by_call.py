# run: main()
# %%
import attr


class V:
    x: int
    y: int = 2


class U:
    x = attr.ib(default=1)


W = attr.s(auto_attribs=True)(V)
U = attr.s(U)


# %%
def main():
    return W(1), U(), W is V
