# run: main()
# expect: refused: atexit.register
import atexit

LINES = []


def report():
    print("lines", LINES)


atexit.register(report)


def main():
    LINES.append(1)
    return 1
