# run: main()
# %%
shared = [1, 2]
alias = shared
nested = {"list": shared}


# %%
def main():
    alias.append(3)
    return shared, nested, alias is shared, nested["list"] is shared
