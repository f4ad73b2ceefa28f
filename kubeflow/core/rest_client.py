"""The base of generated clients of REST APIs: paths, parameters and pages; a transport sends what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast
from urllib.parse import quote

from kubeflow.core.display import call
from kubeflow.core.errors import InvalidInput
from kubeflow.core.model import JsonObject
from kubeflow.core.stdlib import re
from kubeflow.core.transport import Method, Request, Transport

_T = TypeVar("_T")
_Values = Mapping[str, bool | int | float | str | None]
_NO_VALUES: _Values = {}
_NO_PATTERNS: Mapping[str, str] = {}


class RestClient:
    """What the operations of a generated client have in common.

    Args:
        transport: Sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __repr__(self) -> str:
        return call(type(self).__name__, self._transport)

    def _call(
        self,
        method: Method,
        path: str,
        places: _Values = _NO_VALUES,
        query: _Values = _NO_VALUES,
        *,
        patterns: Mapping[str, str] = _NO_PATTERNS,
        body: JsonObject | None = None,
    ) -> Mapping[str, object]:
        """Send one request and return the JSON object that the server answers with.

        Args:
            method: Of the request. A change (PATCH, PUT) is sent again after a failure: it says what is to be.
            path: With the names of `places` in braces.
            places: Values of path parameters.
            query: Values of query parameters; None is left out.
            patterns: That values of parameters must match, by name.
            body: JSON, or None for none.

        Raises:
            InvalidInput: A parameter is empty, or does not match its pattern; nothing is sent.
        """
        sent = {name: _text(value) for name, value in query.items() if value is not None}
        filled = {name: _text(value) for name, value in places.items() if value is not None}
        for name, value in {**sent, **filled}.items():
            pattern = patterns.get(name)
            if pattern is not None and re.search(pattern, value, re.ASCII) is None:
                raise InvalidInput(f"{name}={value!r} does not match {pattern}, which this API demands")
            if name in filled and value in ("", ".", ".."):
                raise InvalidInput(f"{name}={value!r} cannot stand in a path")
        made = re.sub(r"\{([^}]+)\}", lambda found: quote(filled[found[1]], safe=""), path)
        repeatable = method in ("PATCH", "PUT")
        return self._transport.send(Request(method, made, query=sent, body=body, repeatable=repeatable))

    def _items(
        self,
        read: Callable[[Mapping[str, object]], _T],
        path: str,
        places: _Values,
        query: _Values,
        patterns: Mapping[str, str],
        page: tuple[str, str],
    ) -> Iterator[_T]:
        """Yield the items of a list, page by page.

        Args:
            read: Makes an item of its JSON object.
            path: See `_call`.
            places: See `_call`.
            query: See `_call`.
            patterns: See `_call`.
            page: Name of the parameter, and of the field of an answer, that has the next page's token; name of the
                field that has the items.
        """
        token_name, items_name = page
        token: str | None = None
        seen: set[str] = set()
        while True:
            answer = self._call("GET", path, places, {**query, token_name: token}, patterns=patterns)
            items = answer.get(items_name)
            for item in cast("list[object]", items) if isinstance(items, list) else []:
                if isinstance(item, Mapping):
                    yield read(cast("Mapping[str, object]", item))
            following = answer.get(token_name)
            # A server that answers with a token again would be asked for ever.
            if not isinstance(following, str) or not following or following in seen:
                return
            seen.add(following)
            token = following


def _text(value: bool | int | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
