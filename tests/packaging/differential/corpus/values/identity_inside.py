# run: main(given=types.SimpleNamespace(notes=NOTES), found=ERROR)
# %%
import argparse
import types


class Key:
    def __init__(self, name):
        self.name = name


NOTES = [1]
KEY = Key("a")
ARGS = argparse.Namespace(notes=NOTES)
SPACE = types.SimpleNamespace(args=ARGS, notes=ARGS.notes)
ERROR = ValueError(NOTES, KEY)
ERROR.notes = NOTES
KEYS = frozenset([KEY])
TABLE = {KEY: 1, (1, 2): NOTES, "key": KEY}


# %%
def main(given, found):
    NOTES.append(2)
    return (
        SPACE.args is ARGS,
        SPACE.notes is NOTES,
        found.args[0] is NOTES and found.notes is NOTES,
        found is ERROR and ERROR.args[1] is KEY,
        KEY in KEYS,
        TABLE[KEY],
        TABLE[1, 2] is NOTES,
        TABLE["key"] is KEY,
        given.notes is NOTES,
        NOTES,
    )
