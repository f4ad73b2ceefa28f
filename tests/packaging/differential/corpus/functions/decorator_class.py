# run: main(x=3)
import functools


class Memo:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.cache = {}

    def __call__(self, x):
        if x not in self.cache:
            print("computing", x)
            self.cache[x] = self.function(x)
        return self.cache[x]


@Memo
def square(x):
    return x * x


square(2)


def main(x):
    return square(2), square(x), square(x), square.__name__
