# run: main()
from functools import partial, partialmethod


def power(base, exponent):
    return base**exponent


square = partial(power, exponent=2)


class Light:
    def set(self, on):
        self.on = on
        return self

    turn_on = partialmethod(set, True)


def main():
    return square(5), Light().turn_on().on, square.func is power
