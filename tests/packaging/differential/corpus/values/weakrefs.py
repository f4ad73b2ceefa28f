# run: main()
import weakref


class Node:
    def __init__(self, name):
        self.name = name


root = Node("root")
seen = weakref.WeakValueDictionary()
seen["root"] = root
pointer = weakref.ref(root)


def main():
    return seen["root"].name, pointer() is root
