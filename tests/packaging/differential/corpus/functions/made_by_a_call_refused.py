# run: train()
# expect: refused: it was made by contextlib, not by you
# %%
import contextlib


def gen():
    yield 7


CTX = contextlib.contextmanager(gen)
CTX.__wrapped__.log = open("/dev/null")  # noqa: SIM115


# %%
def train():
    with CTX() as value:
        return value
