# run: main()
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def announced(name):
    print("enter", name)
    try:
        yield name.upper()
    finally:
        print("leave", name)


class Timer:
    def __enter__(self):
        self.entered = True
        return self

    def __exit__(self, *error):
        self.left = True
        return True


def main():
    with announced("a") as big, Timer() as timer:
        pass
    with ExitStack() as stack:
        stack.enter_context(announced("b"))
    with suppress(KeyError):
        raise KeyError
    return big, timer.entered, timer.left
