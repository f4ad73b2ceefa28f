# run: main()
# %%
LOADED = []


class Loader:
    def __init_subclass__(cls, order=0, **options):
        super().__init_subclass__(**options)
        LOADED.append((order, cls))
        LOADED.sort(key=lambda pair: pair[0])


class Parquet(Loader, order=2):
    pass


class Csv(Loader, order=1):
    pass


class Gzip(Csv, order=3):
    pass


class Arrow(Loader):
    pass


# %%
def main():
    return [cls.__name__ for _, cls in LOADED], [cls.__name__ for cls in Loader.__subclasses__()]
