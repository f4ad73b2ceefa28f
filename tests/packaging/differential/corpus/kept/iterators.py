# run: train()
import itertools

rows = [1, 2, 3]
left = iter(rows)
next(left)
ids = itertools.count(5)
next(ids)
new_id = itertools.count(1).__next__
new_id()
joined = itertools.chain(iter([1, 2]), [9])
next(joined)
one, other = itertools.tee([1, 2, 3])
next(one)
table = {"a": 1}
keys = table.keys()


def scaled(x):
    return x * factor


factor = 10
mapped = map(scaled, rows)
next(mapped)


def numbered(source=itertools.count(1)):
    return next(source)


numbered()


class Item:
    ids = itertools.count()
    turns = itertools.cycle("abc")
    rest = iter([1, 2, 3])
    texts = map(str, [1, 2, 3])

    def __init__(self):
        self.id = next(Item.ids)
        self.own = itertools.count(3)
        next(self.own)


items = [Item(), Item()]
next(Item.turns)
next(Item.rest)
next(Item.texts)


def train():
    rows.append(4)
    table["b"] = 2
    own = Item().id, next(items[0].own), next(Item.turns), list(Item.rest), list(Item.texts)
    return list(left), next(ids), new_id(), list(joined), list(one), list(other), list(keys), list(mapped), numbered(), own
