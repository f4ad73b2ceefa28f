import logging
import queue
import threading

LOG = logging.getLogger(__name__)
WAITING = queue.Queue()
STARTED = threading.Event()


class Mark:
    def __init__(self, label):
        self.label, self.lock = label, threading.Lock()


def mark(label):
    def attach(function):
        function.mark, function.marks = Mark(label), [Mark(label)]
        return function

    return attach


def counter():
    n = 0

    def count():
        nonlocal n
        n += 1
        return n

    return count


count = counter()


class Settings:
    _only = None

    def __init__(self):
        self.lr = 0.1

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls()
        return cls._only


def scale(x):
    return x * 2


def later(n=1):
    return n


@mark("slow")
def marked():
    return 1
