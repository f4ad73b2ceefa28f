# run: train()
import logging

import tools

tools.LOG.setLevel(logging.ERROR)
tools.WAITING.put(3)
tools.STARTED.set()
tools.count()
tools.count()
tools.Settings.get().lr = 0.5
tools.scale.calls = 7
tools.later.__defaults__ = (9,)


def train():
    state = tools.WAITING.get(timeout=1), tools.STARTED.is_set(), tools.count(), tools.scale.calls, tools.later()
    return state, tools.LOG.level, tools.Settings.get().lr, tools.marked.mark.label
