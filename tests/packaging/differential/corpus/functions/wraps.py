# run: main(x=2)
import functools
import time


def timed(label):
    def decorate(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            assert time.perf_counter() >= start
            print(label, function.__name__)
            return result

        return inner

    return decorate


@timed("slow")
def work(x):
    """Work."""
    return x * 2


def main(x):
    return work(x), work.__name__, work.__doc__, work.__wrapped__(5)
