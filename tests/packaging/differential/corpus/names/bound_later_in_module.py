# run: train()
# form: module
def init():
    global STATE
    STATE = [1, 2]
    globals()["OTHER"] = STATE


def unused():
    init()


try:
    import a_package_that_is_not_there
except ImportError:
    HAS_IT = False


def train():
    unused()
    if HAS_IT:
        return a_package_that_is_not_there
    return STATE, OTHER is STATE
