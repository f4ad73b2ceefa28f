# run: main()
pick = lambda *args, key=len, **more: max(args, key=key, **more)
identity = lambda x: x
pair = (lambda x: x + 1, lambda x: x - 1)
nested = lambda x: (lambda y: x + y)
add3 = nested(3)


def main():
    return pick("a", "bbb", "cc"), identity(4), [f(1) for f in pair], add3(4)
