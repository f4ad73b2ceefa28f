# pyright: reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Loggers of Python's `logging` with their levels, handlers and filters, and those of the loggers above them."""

from __future__ import annotations

import logging
from typing import cast

from kubeflow.core.stdlib import os, re
from kubeflow.packaging.capture.calls import Calls
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider

_OWN = frozenset({"name", "level", "parent", "propagate", "handlers", "disabled", "filters", "_cache", "manager"})
# Statements that `library_settings.py` carries out in the job: they give the root logger its handlers there.
_CONFIGURES = re.compile(r"\b(basicConfig|dictConfig|fileConfig)\b")


class Loggers:
    """Provides loggers. The state of a logger includes what its ancestors do with its records."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._calls = Calls(provider.record)

    def provide(self, value: object, what: str, where: str) -> Ref | None:
        """Provide a logger that `getLogger` gives; None for any other, and after a finding."""
        logger = cast("logging.Logger", value)
        if logger is logging.root:
            ref = Ref({"path": "logging:root"})
        elif logging.Logger.manager.loggerDict.get(logger.name) is logger:
            made = self._calls.call("logging:getLogger", [Ref({"value": logger.name})])
            assert made is not None  # a name can be sent
            ref = made
        else:
            return None
        self.state(logger, ref, what, where)
        if logger.parent is not None and logger.propagate:
            self._provider.ref(logger.parent, f"logger {logger.parent.name}", where)
        return ref

    def state(self, logger: logging.Logger, ref: Ref, what: str, where: str) -> None:
        """Send the state of a logger that the job has at `ref`."""
        self._provider.link(logger, ref)
        self._provider.afterwards(lambda: self._state(logger, ref, what, where))

    def _state(self, logger: logging.Logger, ref: Ref, what: str, where: str) -> None:
        state: dict[str, object] = {n: v for n, v in vars(logger).items() if n not in _OWN}
        if not logger.propagate:
            state["propagate"] = False
        if logger.disabled:
            state["disabled"] = True
        if logger.filters:
            state["filters"] = logger.filters
        handlers = [handler for handler in logger.handlers if self._is_sent(logger, handler)]
        if handlers:
            state["handlers"] = logger.handlers if handlers == logger.handlers else handlers
        self._calls.set(ref, {n: self._provider.ref(v, f"{what}.{n}", where) for n, v in state.items()})
        if logger.level != (logging.WARNING if logger is logging.root else logging.NOTSET):
            self._calls.late(ref.at(("attr", "setLevel")), [Ref({"value": logger.level})])

    def _is_sent(self, logger: logging.Logger, handler: logging.Handler) -> bool:
        """Say whether a handler is the user's: the root logger may have others, of a test runner or a notebook."""
        if logger is not logging.root:
            return True
        texts = [origin.text for origin in self._provider.origins.all()]
        if any(_CONFIGURES.search(text) for text in texts):
            return False
        return type(handler).__module__.startswith("logging") or any(type(handler).__name__ in text for text in texts)


def job_state(handler: logging.FileHandler, state: dict[str, object]) -> dict[str, object]:
    """Return the attributes of a handler of files in the job: it opens its file anew, at the same relative path."""
    path = os.path.relpath(handler.baseFilename)
    return state | {
        "stream": None,
        "delay": True,
        "baseFilename": path if not path.startswith("..") else handler.baseFilename,
    }
