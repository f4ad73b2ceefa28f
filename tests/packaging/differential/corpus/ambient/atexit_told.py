# run: main()
import atexit

OPEN = []


def close():
    for each in OPEN:
        each.close()


atexit.register(close)


@atexit.register
def nothing():
    pass


def main():
    return 1
