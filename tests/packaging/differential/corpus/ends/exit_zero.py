# run: main()
import sys


def main():
    print("done early")
    sys.exit()
