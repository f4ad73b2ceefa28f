# run: main()
CACHE = {"a": 1}


def get(key, cache=CACHE):
    return cache.setdefault(key, len(cache))


get("b")


def main():
    get("c")
    return CACHE, get.__defaults__[0] is CACHE
