# run: main(x=1)
# %%
def helper(x):
    return x + 1


# %%
kept = helper


# %%
def helper(x):
    return x + 100


# %%
def main(x):
    return kept(x), helper(x)
