# run: main(x=2)
def plus(n):
    def wrap(function):
        return lambda x: function(x) + n

    return wrap


def times(n):
    def wrap(function):
        return lambda x: function(x) * n

    return wrap


@plus(1)
@times(10)
def work(x):
    return x


shout = times(2)(plus(3)(abs))


def main(x):
    return work(x), shout(-x)
