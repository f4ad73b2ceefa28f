# run: convert(text="2.5", to="float")
class Converters:
    _known: dict = {}

    @classmethod
    def register(cls, name):
        def wrap(function):
            cls._known[name] = function
            return function

        return wrap

    @classmethod
    def get(cls, name):
        return cls._known[name]


@Converters.register("int")
def to_int(text):
    return int(float(text))


@Converters.register("float")
def to_float(text):
    return float(text)


def convert(text, to):
    return Converters.get(to)(text), sorted(Converters._known)
