# run: train()
import argparse
import locale
import sys

import numpy as np


class Tee:
    def __init__(self, stream):
        self.stream = stream
        self.lines = open("/dev/null", "w")

    def write(self, text):
        return self.stream.write(text)


def train():
    return 1


def trace(frame, event, argument):
    return None


def never_called():
    np.seterr(over=input("over? "))


def main():
    arguments = argparse.ArgumentParser().parse_args([])
    old, sys.stdout = sys.stdout, Tee(sys.stdout)
    sys.settrace(trace)
    locale.setlocale(locale.LC_NUMERIC, getattr(arguments, "language", "C"))
    np.set_printoptions(precision=arguments.digits if hasattr(arguments, "digits") else 8)
    sys.settrace(None)
    sys.stdout = old


main()
