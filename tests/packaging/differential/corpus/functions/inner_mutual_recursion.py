# run: parity(n=7)
# %%
def make():
    def even(n):
        return True if n == 0 else odd(n - 1)

    def odd(n):
        return False if n == 0 else even(n - 1)

    def both(n):
        return even(n), odd(n)

    return both


parity = make()
