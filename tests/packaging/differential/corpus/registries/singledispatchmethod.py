# run: main()
from functools import singledispatchmethod


class Encoder:
    @singledispatchmethod
    def encode(self, value):
        raise TypeError(type(value).__name__)

    @encode.register
    def _(self, value: int):
        return b"i%d" % value

    @encode.register
    def _(self, value: bytes):
        return b"b" + value


def main():
    encoder = Encoder()
    return encoder.encode(3), encoder.encode(b"x")
