# run: main()
# %%
from base import Plugin, plugins


class Mine(Plugin, name="mine"):
    def run(self):
        return super().run() + " mine"


# %%
instance = Mine()
instance.extra = 3


# %%
def main():
    return sorted(plugins), instance.run(), instance.extra, plugins["mine"] is Mine
