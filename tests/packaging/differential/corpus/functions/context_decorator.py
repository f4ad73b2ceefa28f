# run: main()
from contextlib import ContextDecorator, contextmanager


class traced(ContextDecorator):
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        print("start", self.name)

    def __exit__(self, *error):
        print("end", self.name)


@contextmanager
def noted(name):
    print("note", name)
    yield


@traced("work")
@noted("inner")
def work(x):
    return x + 1


def main():
    return work(1)
