"""What a server has to say beside its answer (`Warning` headers): deprecated kinds and runtimes, advice of policies."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator

_log = logging.getLogger(__name__)
# `299 - "text"`: https://kubernetes.io/blog/2020/09/03/warnings/. Several may share a line.
_NOTICE = re.compile(r'299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
# More different ones than anybody reads; a server that makes them up must not fill the memory.
_MOST = 1000


class Notices:
    """Logs the notices of one cluster, each once. Threads may share it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._said: set[str] = set()

    def log(self, headers: Iterable[str]) -> None:
        """Log what is new in the values of an answer's `Warning` headers."""
        for text in _texts(headers):
            if text not in self._said and len(self._said) < _MOST:
                self._said.add(text)
                _log.warning("%s says: %s", self._server, text)


def _texts(headers: Iterable[str]) -> Iterator[str]:
    for header in headers:
        for quoted in _NOTICE.findall(header):
            yield re.sub(r"\\(.)", r"\1", quoted)
