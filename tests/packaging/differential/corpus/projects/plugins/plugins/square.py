def apply(x):
    return x * x
