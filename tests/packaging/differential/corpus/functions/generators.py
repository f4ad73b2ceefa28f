# run: main()
def naturals():
    n = 0
    while True:
        yield n
        n += 1


def take(n, items):
    for _, item in zip(range(n), items):
        yield item


def chained(n):
    yield from take(n, naturals())
    return "done"


def main():
    return list(chained(4)), sum(x for x in take(3, naturals()))
