# run: run()
# %%
class Options:
    debug = True
    level = 3


# %%
del Options.debug


# %%
def run():
    return hasattr(Options, "debug"), Options.level
