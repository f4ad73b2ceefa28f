# run: main()
# expect: refused: sys.setprofile
import sys

calls = []


def start():
    def profiler(frame, event, argument):
        calls.append(event)

    sys.setprofile(profiler)


start()


def main():
    return len(calls) > 0
