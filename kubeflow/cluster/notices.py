"""The `Warning` headers of answers, each logged once: deprecated kinds and runtimes, warnings of policies."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from kubeflow.core.stdlib import re

_log = logging.getLogger(__name__)
# `299 - "text"`: https://kubernetes.io/blog/2020/09/03/warnings/. Several may share a line.
_NOTICE = re.compile(r'299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
# More warnings than anybody reads. A server that makes them up must not fill the memory.
_MOST = 1000


class Notices:
    """Logs the notices of one cluster, each once. Threads may share it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._logged: set[str] = set()

    def log(self, headers: Iterable[str]) -> None:
        """Log the new texts of an answer's `Warning` headers."""
        for text in _texts(headers):
            if text not in self._logged and len(self._logged) < _MOST:
                self._logged.add(text)
                _log.warning("%s says: %s", self._server, text)


def _texts(headers: Iterable[str]) -> Iterator[str]:
    for header in headers:
        for quoted in _NOTICE.findall(header):
            yield re.sub(r"\\(.)", r"\1", quoted)
