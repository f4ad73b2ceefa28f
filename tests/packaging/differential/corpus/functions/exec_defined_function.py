# run: main(x=3)
# expect: refused: its source is not kept
exec("def triple(x):\n    return 3 * x\n")


def main(x):
    return triple(x)
