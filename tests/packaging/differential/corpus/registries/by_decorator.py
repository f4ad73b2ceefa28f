# run: run(values=[3, 4])
# %%
OPS = {}


def op(name):
    return lambda function: OPS.setdefault(name, function)


# %%
@op("add")
def add(a, b):
    return a + b


@op("mul")
def mul(a, b):
    return a * b


# %%
def run(values):
    print(sorted(OPS))
    return {name: OPS[name](*values) for name in OPS}
