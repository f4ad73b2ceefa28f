# run: main()
class LogMixin:
    def save(self):
        print("logging", type(self).__name__)
        return super().save()


class CacheMixin:
    cache = None

    def save(self):
        self.cache = "filled"
        return super().save()


class Store:
    def save(self):
        return "saved"


class Record(LogMixin, CacheMixin, Store):
    pass


def main():
    record = Record()
    return record.save(), record.cache
