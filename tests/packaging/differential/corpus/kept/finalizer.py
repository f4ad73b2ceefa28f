# run: train()
# expect: refused: is called when an object of this process ends
import weakref


class Resource:
    pass


resource = Resource()
closing = weakref.finalize(resource, print, "gone")


def train():
    return closing.alive
