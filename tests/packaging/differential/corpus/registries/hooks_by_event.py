# run: fire(event="start", value=3)
from collections import defaultdict

HANDLERS = defaultdict(list)


def on(event):
    def wrap(function):
        HANDLERS[event].append(function)
        return function

    return wrap


@on("start")
def double(value):
    return value * 2


@on("start")
@on("end")
def negate(value):
    return -value


def fire(event, value):
    return [handler(value) for handler in HANDLERS[event]] + [len(HANDLERS["end"]), sorted(HANDLERS)]
