# run: main()
class Outer:
    class Config:
        size = 3

        class Deep:
            value = "deep"

    def __init__(self):
        self.config = self.Config()

    @classmethod
    def build(cls):
        return cls()


Config = Outer.Config


def main():
    return Outer.build().config.size, Outer.Config.Deep.value, Config is Outer.Config
