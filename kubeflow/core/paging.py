"""Reads a collection page by page, also when the server forgets the moment of the first page. Keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from kubeflow.core.transport import Refusal, Request, Transport

_PAGE = 500
_EXPIRIES = 5  # how often one page may be found to have expired


def pages(
    transport: Transport,
    path: str,
    query: Mapping[str, str],
    *,
    accept: str = "application/json",
    seconds: float | None = None,
) -> Iterator[Mapping[str, object]]:
    """Yield the pages of a collection, of 500 objects at most.

    The pages are of one moment. When the server has forgotten it (410), it says where to go on in the present: nothing
    comes twice, and what has changed on the pages already read is not seen.

    Args:
        transport: Sends the requests.
        path: Of the collection.
        query: Selectors.
        accept: Media type of the answers.
        seconds: That each page may take; `None` for the transport's own.

    Raises:
        Refusal: The server refuses, or forgets faster than can be read.
        Interruption: No whole answer came.
    """
    query = {"limit": str(_PAGE), **query}
    expiries = 0
    while True:
        try:
            page = transport.send(Request("GET", path, query, accept=accept, timeout=seconds))
        except Refusal as refusal:
            expiries += 1
            if refusal.code != 410 or not refusal.continue_token or expiries > _EXPIRIES:
                raise
            query = {**query, "continue": refusal.continue_token}
            continue
        expiries = 0
        yield page
        metadata = page.get("metadata")
        more = cast("Mapping[str, object]", metadata).get("continue") if isinstance(metadata, Mapping) else None
        if not more:
            return
        query = {**query, "continue": str(more)}
