# run: main(code=3)
import sys


def main(code):
    print("leaving")
    sys.exit(code)
