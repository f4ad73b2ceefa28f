# run: main()
class Pool:
    _instance = None

    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.items = []
        return cls._instance


pool = Pool()
pool.items.append("a")


def main():
    Pool().items.append("b")
    return pool.items, Pool() is pool
