# run: main()
def counted(function):
    def inner(*args):
        inner.calls += 1
        return function(*args)

    inner.calls = 0
    return inner


@counted
def work(x):
    return x


work(1)
work(2)


def main():
    work(3)
    return work.calls
