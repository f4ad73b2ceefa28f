"""The typed client of one kind: what the generated classes stand on. Knows paths, verbs and models; sends nothing.

A `Transport` sends. It is given a `Request` and returns the parsed JSON answer, or raises an error of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import quote

from kubeflow.core.errors import InvalidInput
from kubeflow.core.model import KubeObject
from kubeflow.core.rules import RuleViolation, Violation

T = TypeVar("T", bound=KubeObject)

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Propagation: TypeAlias = Literal["Foreground", "Background", "Orphan"]

MERGE_PATCH = "application/merge-patch+json"
# Names of objects of custom resources: RFC 1123 subdomains, as the API server checks them.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an API server.

    Attributes:
        path: Absolute path, already percent-encoded, without the query.
        query: Parameters, not encoded.
        body: The JSON body, or None for none.
        content_type: Of the body.
    """

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | None = None
    content_type: str = "application/json"


class Transport(Protocol):
    """Sends requests to one cluster."""

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with; raise on any answer that is no success."""
        ...


class Resource(Generic[T]):
    """The verbs of one kind in one cluster; the generated subclass shows those that the kind has, typed.

    Args:
        transport: Sends the requests.
        namespace: Used where a method gets none and the object has none; ignored for cluster-scoped kinds.
    """

    MODEL: type[T]
    PLURAL: ClassVar[str]
    NAMESPACED: ClassVar[bool]

    def __init__(self, transport: Transport, namespace: str = "default") -> None:
        self._transport = transport
        self._namespace = namespace

    def _path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        parts = ["/apis", self.MODEL.API_VERSION]
        if self.NAMESPACED:
            parts += ["namespaces", quote(namespace or self._namespace, safe="")]
        parts.append(self.PLURAL)
        if name is not None:
            if not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"{name!r} is no name of an object: use lower-case letters, digits, '-' and '.', beginning and "
                    "ending with a letter or digit"
                )
            parts.append(name)
        return "/".join([*parts, subresource] if subresource else parts)

    def _read(self, answer: Mapping[str, object]) -> T:
        return self.MODEL.from_server(answer)

    def _create(self, obj: T, namespace: str | None, dry_run: bool, rules: Callable[[T], Sequence[Violation]]) -> T:
        body, namespace = self._body(obj, namespace)
        if broken := rules(obj):
            raise RuleViolation(broken)
        return self._read(self._transport.send(Request("POST", self._path(namespace), _writing(dry_run), body)))

    def _get(self, name: str, namespace: str | None) -> T:
        return self._read(self._transport.send(Request("GET", self._path(namespace, name))))

    def _list(
        self,
        namespace: str | None,
        label_selector: str | None,
        field_selector: str | None,
        all_namespaces: bool,
    ) -> Iterator[T]:
        path = self._path(namespace)
        if all_namespaces:
            if namespace is not None:
                raise InvalidInput("give either namespace or all_namespaces=True, not both")
            path = f"/apis/{self.MODEL.API_VERSION}/{self.PLURAL}"
        query = {"limit": str(_PAGE)}
        query |= {"labelSelector": label_selector} if label_selector else {}
        query |= {"fieldSelector": field_selector} if field_selector else {}
        while True:
            answer = self._transport.send(Request("GET", path, query))
            for item in cast("list[Mapping[str, object]]", answer.get("items") or []):
                # The items of a list may name neither their kind nor its version.
                yield self._read({"apiVersion": self.MODEL.API_VERSION, "kind": self.MODEL.KIND, **item})
            more = _metadata(answer).get("continue")
            if not more:
                return
            query = {**query, "continue": more}

    def _replace(self, obj: T, namespace: str | None, dry_run: bool, subresource: str | None = None) -> T:
        body, namespace = self._body(obj, namespace)
        path = self._path(namespace, _name_of(body), subresource)
        return self._read(self._transport.send(Request("PUT", path, _writing(dry_run), body)))

    def _patch(
        self,
        name: str,
        patch: Mapping[str, object],
        namespace: str | None,
        dry_run: bool,
        subresource: str | None = None,
    ) -> T:
        path = self._path(namespace, name, subresource)
        return self._read(self._transport.send(Request("PATCH", path, _writing(dry_run), patch, MERGE_PATCH)))

    def _delete(self, name: str, namespace: str | None, propagation: Propagation, dry_run: bool) -> None:
        options: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if dry_run:  # in the body: with one, the server does not read the query
            options["dryRun"] = ["All"]
        self._transport.send(Request("DELETE", self._path(namespace, name), body=options))

    def _body(self, obj: T, namespace: str | None) -> tuple[dict[str, object], str | None]:
        """Return the object as it is sent, and its namespace."""
        if type(obj) is not self.MODEL:
            raise InvalidInput(f"expected a {self.MODEL.KIND}, not a {type(obj).__name__}")
        body = {"apiVersion": self.MODEL.API_VERSION, "kind": self.MODEL.KIND, **obj.to_dict()}
        own = _metadata(body).get("namespace")
        if own and namespace and own != namespace:
            raise InvalidInput(f"the object is of namespace {own!r}, but namespace={namespace!r} is given; drop one")
        return body, own or namespace


def _writing(dry_run: bool) -> dict[str, str]:
    # Without Strict, a server silently drops fields that it does not know.
    return {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}


def _name_of(body: Mapping[str, object]) -> str:
    name = _metadata(body).get("name")
    if not name:
        raise InvalidInput("the object has no metadata.name; set it, or use create() with generate_name")
    return name


def _metadata(body: Mapping[str, object]) -> Mapping[str, str]:
    return cast("Mapping[str, str]", body.get("metadata") or {})
