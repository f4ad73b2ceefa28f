# run: main(n=2)
import sys


def main(n):
    print(__name__ == "__main__", len(sys.argv) >= 1)
    return n * 2


if __name__ == "__main__":
    LIMIT = 7
    print("running as a script")
