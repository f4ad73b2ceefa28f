# run: main()
_MISSING = object()
DEFAULTS = {"a": _MISSING, "b": 1}


def get(name, default=_MISSING):
    value = DEFAULTS.get(name, default)
    return "missing" if value is _MISSING else value


def main():
    return get("a"), get("b"), get("c"), get("d", None)
