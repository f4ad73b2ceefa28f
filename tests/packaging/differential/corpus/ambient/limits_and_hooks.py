# run: main(n=1500)
import sys
import threading


def set_limits(n):
    limit = n * 2 if n else None
    sys.setrecursionlimit(limit)
    print("set")
    if n:
        sys.setswitchinterval(0.25)
    return limit


LIMIT = set_limits(2500)


def on_thread_error(args):
    print("a thread failed with", args.exc_type.__name__)


threading.excepthook = on_thread_error


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def fails():
    raise KeyError(1)


def main(n):
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    return depth(n), sys.getrecursionlimit(), sys.getswitchinterval()
