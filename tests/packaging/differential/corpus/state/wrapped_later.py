# run: run(x=3)
# %%
def compute(x):
    return x + 1


# %%
def traced(function):
    def inner(*args):
        print("calling", function.__name__, args)
        return function(*args)

    return inner


compute = traced(compute)


# %%
def run(x):
    return compute(x)
