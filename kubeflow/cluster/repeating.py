"""A transport that may send a write again when its answer got lost."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from kubeflow.core.resource import Request, Transport


class Repeating:
    """A transport that may send a write again when its answer got lost.

    Everything that is written through it can be done twice: a patch sets the same values, a delete finds nothing, and a
    create recognises its own object.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with."""
        return self._transport.send(replace(request, repeatable=True))

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body."""
        return self._transport.lines(request)
