# run: train()
class Refused(Exception):
    pass


refused = Refused("a")
refused.code = 4
refused.__cause__ = ValueError("c")
try:
    try:
        {}["k"]
    except KeyError as missing:
        raise RuntimeError("later") from missing
except RuntimeError as error:
    kept = error


def train():
    return refused.code, repr(refused.__cause__), repr(kept.__cause__), kept.__suppress_context__, kept.__context__ is kept.__cause__
