# run: main()
class Tag:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Tag) and self.name == other.name

    def __hash__(self):
        return hash(self.name)


class Tags(frozenset):
    pass


A = Tag("a")
GROUP = frozenset([A, Tag("b")])
OWN = Tags([A])
GROUPS = {GROUP: 1, (A, 2): OWN}


def main():
    return A in GROUP, A in OWN, GROUPS[frozenset([Tag("a"), Tag("b")])], GROUPS[Tag("a"), 2] is OWN
