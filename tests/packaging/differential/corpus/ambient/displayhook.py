# run: main()
import sys


class Shown:
    def __init__(self):
        self.values = []

    def __call__(self, value):
        self.values.append(value)


sys.displayhook = Shown()


def main():
    sys.displayhook(3)
    return sys.displayhook.values
