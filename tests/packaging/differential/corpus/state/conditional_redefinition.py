# run: main()
# %%
FAST = True


def compute(x):
    return x + 1


# %%
if FAST:

    def compute(x):
        return x * 100

else:

    def compute(x):
        return -x


# %%
try:
    limit = undefined_name
except NameError:
    limit = 5

with open("/dev/null") as nothing:
    text = nothing.read()


# %%
def main():
    return compute(2), limit, text
