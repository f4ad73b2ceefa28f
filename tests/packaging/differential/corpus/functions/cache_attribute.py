# run: main()
# %%
def fib(n):
    if n not in fib.cache:
        fib.cache[n] = fib(n - 1) + fib(n - 2)
    return fib.cache[n]


fib.cache = {0: 0, 1: 1}

# %%
fib(10)


# %%
def main():
    return len(fib.cache), fib(15), len(fib.cache)
