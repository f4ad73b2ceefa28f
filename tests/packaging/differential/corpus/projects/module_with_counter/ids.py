_last = 0


def fresh():
    global _last
    _last += 1
    return _last
