# run: train()
import argparse
import array
import collections
import configparser
import datetime
import functools
import io
import json
import random
import string
import textwrap
import time
import types
import uuid


class Point:
    def __init__(self, x):
        self.x = x


def make(x):
    return Point(x)


class Config:
    names = types.SimpleNamespace(a=1)
    args = argparse.Namespace(b=2)
    raw = bytearray(b"abc")
    numbers = array.array("i", [1, 2])
    last = collections.deque(maxlen=2)
    seen = collections.Counter()
    text = io.StringIO()
    dice = random.Random(5)
    born = datetime.datetime.now()
    id = uuid.uuid4()
    at = time.time()
    greeting = string.Template("$a")
    wrapper = textwrap.TextWrapper(width=5)
    encoder = json.JSONEncoder(indent=1)
    parser = configparser.ConfigParser()
    point = make(1)
    points = [make(i) for i in range(2)]
    first, second = 1, [2]
    one = other = []
    total = 1
    total += 5
    parts = [1]
    parts += [2]
    act = lambda self: 1  # noqa: E731
    for index in range(3):
        squares = {index: index * index}


Config.names.a = 5
Config.args.b = 6
Config.raw[0] = 65
Config.numbers.append(3)
Config.last.extend([1, 2, 3])
Config.seen.update("aab")
Config.text.write("hi")
Config.dice.random()
Config.greeting.template = "$b"
Config.wrapper.width = 10
Config.encoder.indent = None
Config.parser["a"] = {"x": "1"}
Config.point.y = 4
Config.points[0].x = 9
Config.first = 7
Config.second.append(3)
Config.one.append(1)
Config.total = 10
Config.parts.append(3)
Config.act = lambda self: 2
Config.squares[9] = 81
same_point = Config.point
KNOWN = Config.born, Config.id, Config.at


def train():
    same_point.y += 1
    containers = bytes(Config.raw), Config.numbers.tolist(), list(Config.last), Config.seen
    objects = Config.names.a, Config.args.b, containers, Config.text.getvalue()
    made = Config.dice.random(), Config.greeting.substitute(b=3), Config.wrapper.fill("aaaa bbbb"), Config.parser["a"]["x"]
    points = Config.point.y, Config.points[0].x, Config.encoder.encode({"a": 1})
    bound = Config.first, Config.second, Config.one, Config.one is Config.other, Config.total, Config.parts
    return objects, made, points, bound, Config().act(), Config.squares, (Config.born, Config.id, Config.at) == KNOWN
