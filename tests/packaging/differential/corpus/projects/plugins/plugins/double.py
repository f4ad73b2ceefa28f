def apply(x):
    return x * 2
