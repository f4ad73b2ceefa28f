# run: main(words=["a", "b", "a"])
from collections import ChainMap, Counter, defaultdict

groups = defaultdict(list)
groups["x"].append(1)
counts = Counter("hello")
settings = ChainMap({"lr": 0.1}, {"lr": 1.0, "steps": 5})
nested = defaultdict(lambda: defaultdict(int))
nested["a"]["b"] += 2


def main(words):
    for word in words:
        groups[word].append(len(word))
        nested[word]["n"] += 1
    return dict(groups), counts.most_common(1), settings["lr"], settings["steps"], nested["a"]["n"], nested["z"]["q"]
