# run: main()
# %%
results = []
for x in (4, 2, 0, 1):
    results.append(8 / x)


# %%
def main():
    return results, x
