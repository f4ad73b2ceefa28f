# run: main()
from functools import cached_property


class Data:
    def __init__(self, n):
        self.n = n

    @cached_property
    def rows(self):
        print("loading")
        return list(range(self.n))


data = Data(3)
data.rows.append("extra")


def main():
    return data.rows, vars(data)
