# run: main()
# %%
import json
import pathlib

_encode = json.JSONEncoder.encode


def loud(self, value):
    return "mine" + _encode(self, value)


json.JSONEncoder.encode = loud
json.JSONEncoder.default = lambda self, value: str(value)
json.JSONDecoder.decode = lambda self, text, *_: "decoded"


# %%
def main():
    return json.dumps([1]), json.dumps({1, 2}.__class__), json.loads("1")
