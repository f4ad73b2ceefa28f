# run: main()
class Tag:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Tag) and self.name == other.name

    def __hash__(self):
        return hash(self.name)


tags = {Tag("a"), Tag("b")}
weights = {Tag("a"): 1.0}
frozen = frozenset(tags)


def main():
    return Tag("a") in tags, weights[Tag("a")], len(frozen | {Tag("c")}), sorted(t.name for t in tags)
