"""Answers requests for pod logs as a kubelet does, from files whose lines begin with the time they came.

`timestamps`, `sinceTime`, `tailLines`, `limitBytes`, `previous` and `follow`; times are compared to the second, as the
API server passes them on. While a container waits to be started again, its last life is both the present one and the
previous one; an answer stays with the life with which it began.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

LOG_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")
_LOOK = 0.05
_CHUNK = 1 << 16


class NoPreviousLog(Exception):
    """The container has had no life before this one."""


def open_pod_log(folder: Path, container: str, query: Mapping[str, str], ended: Callable[[], bool]) -> Iterator[bytes]:
    """Return the log in pieces, each as soon as it is there.

    Args:
        folder: Of the pod's logs.
        container: Of the pod.
        query: Of the request.
        ended: Says whether the container has written its last line.

    Raises:
        NoPreviousLog: When that is asked for and there is none.
    """
    last = folder / f"{container}.previous.log"
    path = folder / f"{container}.log"
    if query.get("previous") == "true":
        if not last.exists():
            raise NoPreviousLog(container)
        path = last
    elif last.exists() and not path.exists():
        path = last
    pieces = _chunks(path, ended if query.get("follow") == "true" and path != last else lambda: True)
    since = _since(query)
    stamped = query.get("timestamps") == "true"
    if stamped and since is None and "tailLines" not in query:
        return _limited(pieces, query)
    lines = _after(_lines(pieces), since)
    if "tailLines" in query:
        lines = _tail(path, int(query["tailLines"]), lines)
    return _limited(lines if stamped else (line.partition(b" ")[2] for line in lines), query)


def _since(query: Mapping[str, str]) -> bytes | None:
    if "sinceSeconds" in query:
        then = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
    elif "sinceTime" in query:
        then = datetime.fromisoformat(query["sinceTime"]).astimezone(UTC)
    else:
        return None
    return then.strftime("%Y-%m-%dT%H:%M:%S").encode()


def _chunks(path: Path, ended: Callable[[], bool]) -> Iterator[bytes]:
    while (opened := _opened(path)) is None:
        if ended():
            return
        time.sleep(_LOOK)
    with opened as stream:
        over = False
        while True:
            while piece := stream.read(_CHUNK):
                yield piece
            if over:
                return
            over = ended() or not _current(stream, path)  # what was written before that is read once more
            if not over:
                time.sleep(_LOOK)


def _opened(path: Path) -> IO[bytes] | None:
    try:
        return path.open("rb")
    except FileNotFoundError:  # not begun, or become that of the life before
        return None


def _current(stream: IO[bytes], path: Path) -> bool:
    try:
        return os.fstat(stream.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if lines:
            yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _after(lines: Iterator[bytes], since: bytes | None) -> Iterator[bytes]:
    return lines if since is None else (line for line in lines if line[: len(since)] >= since)


def _tail(path: Path, count: int, lines: Iterator[bytes]) -> Iterator[bytes]:
    stream = _opened(path)
    there = 0
    if stream is not None:
        with stream:
            there = stream.read().count(b"\n")
    for index, line in enumerate(lines):
        if index >= there - count:
            yield line


def _limited(pieces: Iterator[bytes], query: Mapping[str, str]) -> Iterator[bytes]:
    if "limitBytes" not in query:
        yield from pieces
        return
    left = int(query["limitBytes"])
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
