# run: collect(item="c")
# %%
def remember(item, seen=[]):
    seen.append(item)
    return list(seen)


# %%
remember("a")
remember("b")


# %%
def collect(item):
    return remember(item)
