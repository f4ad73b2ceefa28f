plugins = {}


class Plugin:
    def __init_subclass__(cls, name, **more):
        super().__init_subclass__(**more)
        plugins[name] = cls

    def run(self):
        return "base"
