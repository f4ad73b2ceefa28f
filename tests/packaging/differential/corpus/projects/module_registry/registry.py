LAYERS = {}


def register(name):
    def wrap(function):
        LAYERS[name] = function
        return function

    return wrap
