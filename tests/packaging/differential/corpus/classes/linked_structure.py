# run: main()
class Tree:
    def __init__(self, value, *children):
        self.value = value
        self.parent = None
        self.children = children
        for child in children:
            child.parent = self

    def total(self):
        return self.value + sum(child.total() for child in self.children)


leaf = Tree(3)
root = Tree(1, Tree(2, leaf), Tree(4))
index = {node.value: node for node in (root, leaf)}


def main():
    return root.total(), leaf.parent.parent is root, index[3] is leaf
