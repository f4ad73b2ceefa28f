# run: main()
# %%
def numbered(prefix):
    count = 0

    def wrap(function):
        nonlocal count
        count += 1
        number = count

        def inner(*args):
            return f"{prefix}{number}:{function(*args)} of {count}"

        return inner

    return wrap


step = numbered("s")


@step
def load(x):
    return x


@step
def save(x):
    return x


# %%
def main():
    return load("a"), save("b")
