# run: train()
# %%
LR = 3
SCALES = {"small": 2}


class Net:
    width = 4


def helper():
    return 5


# %%
def attempt(work):
    try:
        return work()
    except Exception as error:
        return type(error).__name__


def profiled():
    try:
        return profile
    except NameError:
        return None


# %%
def train():
    try:
        total = helper() + LR + Net().width
        try:
            total += SCALES["large"]
        except KeyError:
            total += SCALES["small"]
    except:
        return -1
    return total, attempt(lambda: Net.width * LR), attempt(helper), profiled()
