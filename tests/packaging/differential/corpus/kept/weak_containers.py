# run: train()
import weakref


class Node:
    alive = weakref.WeakSet()
    kinds = weakref.WeakSet()
    by_name = weakref.WeakValueDictionary()

    def __init__(self, name, parent=None):
        self.name = name
        self.parent = weakref.ref(parent) if parent else None
        Node.alive.add(self)
        Node.by_name[name] = self

    def __init_subclass__(cls):
        Node.kinds.add(cls)

    def hello(self):
        return f"I am {self.name}"


class Leaf(Node):
    pass


class Attached:
    def __init__(self):
        self.values = weakref.WeakKeyDictionary()

    def __get__(self, instance, owner):
        return self.values.get(instance, "none") if instance else self

    def __set__(self, instance, value):
        self.values[instance] = value


class Tagged:
    tag = Attached()


root = Node("root")
kid = Leaf("kid", root)
seen = weakref.WeakSet([root])
costs = weakref.WeakKeyDictionary({root: 3})
named = weakref.WeakValueDictionary(root=root)
pointer = weakref.ref(kid)
greet = weakref.WeakMethod(root.hello)
tagged = Tagged()
tagged.tag = 7


def train():
    sets = len(Node.alive), len(seen), root in seen, root in Node.alive, [kind.__name__ for kind in Node.kinds]
    tables = costs[root], len(costs), named["root"] is root, sorted(Node.by_name), Node.by_name["kid"] is kid
    return sets, tables, kid.parent() is root, pointer() is kid, greet()(), tagged.tag, Tagged().tag
