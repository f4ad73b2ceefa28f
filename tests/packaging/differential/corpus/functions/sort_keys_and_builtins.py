# run: main(words=["bb", "a", "ccc"])
KEYS = {"length": len, "text": str.lower, "neg": lambda w: -len(w)}
TYPES = {"int": int, "list": list}
absolute = abs


def main(words):
    return {name: sorted(words, key=key) for name, key in KEYS.items()}, TYPES["int"]("3"), absolute(-2)
