# run: main()
from math import *
from os.path import *


def main():
    return floor(pi), join("a", "b")
