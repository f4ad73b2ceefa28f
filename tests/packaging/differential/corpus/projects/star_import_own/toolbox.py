__all__ = ["hammer", "NAILS"]

NAILS = 3
_hidden = 1


def hammer(n):
    return n * NAILS
