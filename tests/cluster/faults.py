"""What can go wrong between a client and an API server, as data; `proxy` makes it happen."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one request.

    Attributes:
        kind: `delay` answers late; `drop-before` closes the connection before the server sees the request, `drop-after`
            once the server has done it; `answer` answers with an error in the server's place; `cut` closes the
            connection in the middle of the answer; `expire` ends a watch with the error event that its version is too
            old.
        seconds: How late.
        code: HTTP status of an answer.
        retry_after: Seconds that the answer asks to wait.
        message: The answer's words.
        after: Bytes of the answer that still arrive; events of a watch that do.
    """

    kind: Literal["delay", "drop-before", "drop-after", "answer", "cut", "expire"]
    seconds: float = 0
    code: int = 0
    retry_after: int | None = None
    message: str = "a fault of the test"
    after: int = 0


def delay(seconds: float) -> Fault:
    """Answer that much later."""
    return Fault("delay", seconds=seconds)


def drop_before() -> Fault:
    """Close the connection; the server never hears of it."""
    return Fault("drop-before")


def drop_after() -> Fault:
    """Let the server do it, and close the connection instead of saying so."""
    return Fault("drop-after")


def answer(code: int, *, retry_after: int | None = None, message: str = "a fault of the test") -> Fault:
    """Answer with an error; the server never hears of it."""
    return Fault("answer", code=code, retry_after=retry_after, message=message)


def cut(after: int) -> Fault:
    """Close the connection after so many bytes of the answer's body."""
    return Fault("cut", after=after)


def expire(after: int = 0) -> Fault:
    """End a watch with 410 after so many events."""
    return Fault("expire", after=after)


class Rule:
    """A fault and the requests that it happens to.

    Args:
        fault: What happens.
        method: Of the requests; empty for any.
        path: Regular expression, searched in path and query.
        times: How many requests it happens to; `None` for all.
    """

    def __init__(self, fault: Fault, *, method: str = "", path: str = "", times: int | None = 1) -> None:
        self.fault, self._method, self._path, self._left = fault, method, re.compile(path), times

    def take(self, method: str, path: str) -> bool:
        """Say whether the fault happens to this request, and count it."""
        if self._left == 0 or (self._method and method != self._method) or not self._path.search(path):
            return False
        if self._left is not None:
            self._left -= 1
        return True


class RandomFaults:
    """Faults by chance, such as a client is meant to survive, never more than two in a row for the same request.

    Args:
        seed: Of the chance.
        rate: Share of requests that something happens to, from 0 to 1.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._lock = threading.Lock()
        self._in_a_row: dict[tuple[str, str], int] = {}
        self.seen: Counter[str] = Counter()

    def draw(self, method: str, path: str) -> Fault | None:
        """Return what happens to a request."""
        key = method, path.partition("?")[0]
        with self._lock:
            if self._random.random() >= self._rate or self._in_a_row.get(key, 0) >= 2:
                self._in_a_row[key] = 0
                return None
            self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
            fault = self._pick(method, "watch=" in path, "/log" in path)
            self.seen[
                f"{'stream' if 'watch=' in path or '/log' in path else method} {fault.kind} {fault.code or ''}"
            ] += 1
            return fault

    def _pick(self, method: str, watch: bool, log: bool) -> Fault:
        chance = self._random
        anywhere = [
            delay(chance.uniform(0.01, 0.3)),
            drop_before(),
            answer(429, retry_after=1),
            answer(503, retry_after=1, message="the server is currently unable to handle the request"),
        ]
        if watch:
            return chance.choice([*anywhere, cut(chance.randrange(4000)), expire(chance.randrange(3)), answer(410)])
        if log:
            return chance.choice([*anywhere, cut(chance.randrange(2000)), cut(chance.randrange(2000)), answer(500)])
        if method == "GET":
            return chance.choice([*anywhere, drop_after(), cut(chance.randrange(200)), answer(429), answer(500)])
        return chance.choice([*anywhere, drop_after(), drop_after(), answer(429)])
