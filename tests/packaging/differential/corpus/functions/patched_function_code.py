# run: main()
# %%
def rate():
    return 1


def other():
    return 2


# %%
rate.__code__ = other.__code__


# %%
def main():
    return rate()
