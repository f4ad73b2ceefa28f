# run: experiment(n=2)
def build():
    class Base:
        def value(self):
            return 1

    class Derived(Base):
        def value(self):
            return super().value() + 1

    def experiment(n):
        return [Derived().value() for _ in range(n)], isinstance(Derived(), Base)

    return experiment


experiment = build()
