# run: main()
import math as mathematics
import os.path
from json import dumps as to_json
import collections.abc

modules = {"m": mathematics, "json": __import__("json")}


def main():
    return modules["m"].floor(2.5), to_json({"a": 1}), os.path.join("a", "b"), modules["json"].loads("[1]"), (
        isinstance([], collections.abc.Sequence)
    )
