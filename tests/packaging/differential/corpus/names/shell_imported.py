# run: main()
# expect: refused: it exists in notebooks only
# %%
from IPython import get_ipython


# %%
def main():
    return get_ipython() is None
