# run: train(data=[1, {"a": (1, 2)}])
# %%
import base64
import builtins
import inspect
import json
import os
import pickle
import re
import zlib
from pathlib import Path

_dumps, _loads, _read, _b64 = json.dumps, json.loads, Path.read_text, base64.b64encode
_signature, _dump, _compress, _match, _print = inspect.signature, pickle.dumps, zlib.compress, re.match, print
_here, _names = os.getcwd, os.listdir
COUNTS = []

json.dumps = lambda value: "mine" + _dumps(value)
json.loads = lambda text: _loads(text[4:])
json.dump = lambda value, stream: stream.write(json.dumps(value))
Path.read_text = lambda self, *args, **options: COUNTS.append(1) or _read(self, *args, **options)
base64.b64encode = lambda raw: _b64(raw).lower()
os.getcwd = lambda: _here()
inspect.signature = lambda function: str(_signature(function))
pickle.dumps = lambda value: _dump(value, 0)
zlib.compress = lambda raw: _compress(raw, 0)
re.match = lambda pattern, text: _match(pattern, text).group(0)
builtins.print = lambda *words: _print("mine:", *words)


# %%
class Net:
    width = 3


def helper(data):
    return json.dumps(data), json.loads(json.dumps(data)), re.match("[a-z]+", "abc1")


# %%
def train(data):
    print(data)
    return helper(data), Net().width, pickle.dumps("x"), base64.b64encode(b"kept"), inspect.signature(helper)
