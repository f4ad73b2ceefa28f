# run: main(steps=3)
import sys
import warnings

RATE = 0.5


def main(steps):
    print("training")
    print("to stderr", file=sys.stderr)
    sys.stdout.write("no newline; ")
    print("æøå ✓")
    warnings.warn("careful")
    warnings.warn("old", DeprecationWarning)
    return sum(RATE * i for i in range(steps))
