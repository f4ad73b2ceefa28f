# run: main(x=3)
powers = [lambda x, p=p: x**p for p in range(4)]
by_name = {name: (lambda x, name=name: f"{name}={x}") for name in ("a", "b")}


def main(x):
    return [f(x) for f in powers], by_name["b"](x)
