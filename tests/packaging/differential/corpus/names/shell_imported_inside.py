# run: main()
# expect: refused: it exists in notebooks only
# %%
def main():
    from IPython import get_ipython

    return get_ipython() is None
