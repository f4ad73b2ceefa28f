# run: main()
# %%
def main():
    try:
        from IPython import get_ipython
    except ImportError:
        return "none"
    return "there"
