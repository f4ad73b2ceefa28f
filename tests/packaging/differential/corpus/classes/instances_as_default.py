# run: main()
class Missing:
    def __repr__(self):
        return "<missing>"


MISSING = Missing()


def get(mapping, key, default=MISSING):
    value = mapping.get(key, default)
    return "nothing" if value is MISSING else value


def main():
    return get({}, "a"), get({"a": 1}, "a"), repr(MISSING)
