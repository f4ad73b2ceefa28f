# run: train(steps=3)
# %%
class TooMany(ValueError):
    pass


def check(steps):
    if steps > 2:
        raise TooMany(f"{steps} steps")


# %%
def train(steps):
    print("training")
    try:
        check(steps)
    except TooMany as error:
        raise RuntimeError("cannot train") from error
