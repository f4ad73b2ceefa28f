# run: main()
import sys


def hook(kind, error, trace):
    print("hooked", kind.__name__, error)


sys.excepthook = hook


def main():
    return sys.excepthook is hook
