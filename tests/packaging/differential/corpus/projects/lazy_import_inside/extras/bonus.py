def add(x):
    return x + 41
