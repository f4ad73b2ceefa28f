# run: main(x=10)
# %%
adders = []
for n in range(3):

    def add(x, n=n):
        return x + n

    adders.append(add)

late = [lambda x: x + n for _ in range(2)]


# %%
def main(x):
    return [f(x) for f in adders], [f(x) for f in late]
