# run: main()
# %%
import inspect


def layer(width: int, *, activation: str = "relu") -> list:
    return [width, activation]


layer.__annotations__["extra"] = float


# %%
def main():
    signature = inspect.signature(layer)
    return list(signature.parameters), signature.parameters["width"].annotation, sorted(layer.__annotations__)
