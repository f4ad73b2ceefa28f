# run: run()
def scale(x, factor=2):
    return x * factor


scale.__defaults__ = (5,)


def run():
    return scale(3)
