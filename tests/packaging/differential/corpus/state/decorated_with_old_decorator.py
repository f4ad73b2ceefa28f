# run: main()
# %%
def deco(function):
    return lambda: "old " + function()


# %%
@deco
def work():
    return "work"


# %%
def deco(function):
    return lambda: "new " + function()


# %%
def main():
    return work()
