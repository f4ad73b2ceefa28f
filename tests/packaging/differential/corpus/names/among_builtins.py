# run: train()
# %%
import builtins
import gettext


def install():
    builtins.dbg = lambda value: value + OFFSET


OFFSET = 10
install()
gettext.install("app")


# %%
def helper(start=dbg(1)):
    return dbg(start)


# %%
def train():
    return helper(), _("hello")
