# run: main()
# %%
count = 0


def bump():
    global count
    count += 1
    return count


# %%
bump()
bump()


# %%
def main():
    bump()
    return count
