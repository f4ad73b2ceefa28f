class NotPositive(ValueError):
    pass


def positive(x):
    if x <= 0:
        raise NotPositive(f"{x} is not positive")
    return x
