# run: main()
# %%
import functools

print = functools.partial(print, "[log]")


# %%
def main():
    print("hello")
    return 1
