# run: main()
import atexit


def main():
    atexit.register(print, "cleaning up")
    print("working")
    return 1
