# run: train(x=2)
import functools


def retry(times):
    def decorate(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            for attempt in range(times):
                try:
                    return function(*args, **kwargs)
                except ValueError as error:
                    print("attempt", attempt, error)
            raise RuntimeError("gave up")

        return inner

    return decorate


tries = []


@retry(3)
def train(x):
    tries.append(x)
    if len(tries) < 3:
        raise ValueError(f"only {len(tries)}")
    return len(tries)
