# run: main()
from functools import total_ordering


@total_ordering
class Version:
    def __init__(self, text):
        self.parts = tuple(map(int, text.split(".")))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __hash__(self):
        return hash(self.parts)


LATEST = max([Version("1.2"), Version("1.10")])


def main():
    return LATEST.parts, Version("1.2") <= LATEST, {Version("1.2"): 1}[Version("1.2")]
