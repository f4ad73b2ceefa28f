"""The typed client of one kind: what the generated classes stand on. Knows paths, verbs and models; sends nothing.

A `Transport` sends. It is given a `Request` and returns the parsed JSON answer, or raises an error of its own.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import ClassVar, Generic, Literal, TypeAlias, TypeVar, cast

from kubeflow.core.backoff import backoff
from kubeflow.core.display import call
from kubeflow.core.errors import InvalidInput
from kubeflow.core.merge_patch import difference
from kubeflow.core.model import KubeObject
from kubeflow.core.object_names import check_namespace
from kubeflow.core.outgoing import check_outgoing
from kubeflow.core.paging import pages
from kubeflow.core.rules import RuleViolation, Violation
from kubeflow.core.stdlib import re
from kubeflow.core.table import TABLE, Table
from kubeflow.core.tracebacks import thin, thin_call
from kubeflow.core.transport import Interruption, Method, Refusal, Request, Transport
from kubeflow.core.watch import WatchEvent, watch

__all__ = [
    "REQUEST_ID",
    "Interruption",
    "Method",
    "Propagation",
    "Refusal",
    "Request",
    "Resource",
    "Table",
    "Transport",
    "WatchEvent",
]

T = TypeVar("T", bound=KubeObject)

Propagation: TypeAlias = Literal["Foreground", "Background", "Orphan"]

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
# Label of what this SDK creates: one value for each call, by which a create that was sent twice knows its own object.
REQUEST_ID = "kubeflow.org/request-id"
# Names of objects of custom resources: RFC 1123 subdomains, as the API server checks them.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
# As an API server makes them for `generateName`: five characters that form no words, after at most 58 of the base.
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_BASE = 58
_CONFLICTS = 10  # how often a change is tried against others who change the same object


class Resource(Generic[T]):
    """The verbs of one kind in one cluster; the generated subclass shows those that the kind has, typed.

    It keeps no state: threads may share one.

    Args:
        transport: Sends the requests.
        namespace: Used where a method gets none and the object has none; ignored for cluster-scoped kinds.
    """

    MODEL: type[T]
    PLURAL: ClassVar[str]
    NAMESPACED: ClassVar[bool]

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        thin(cls)

    def __init__(self, transport: Transport, namespace: str = "default") -> None:
        self._transport = transport
        self._namespace = namespace

    def __repr__(self) -> str:
        return call(type(self).__name__, self._transport, namespace=self._namespace if self.NAMESPACED else None)

    # -- reading ------------------------------------------------------------------------------------------------

    def _get(self, name: str, namespace: str | None) -> T:
        return self._read(self._transport.send(Request("GET", self._path(namespace, name))))

    @thin_call
    def _list(
        self,
        namespace: str | None,
        label_selector: str | None,
        field_selector: str | None,
        all_namespaces: bool,
    ) -> Iterator[T]:
        path = self._collection(namespace, all_namespaces)
        for page in pages(self._transport, path, _selecting(label_selector, field_selector)):
            yield from self._items(page)

    @thin_call
    def _watch(
        self,
        namespace: str | None,
        label_selector: str | None,
        field_selector: str | None,
        all_namespaces: bool,
        resource_version: str | None,
        timeout: float | None,
    ) -> Generator[WatchEvent[T], None, None]:
        path = self._collection(namespace, all_namespaces)
        query = _selecting(label_selector, field_selector)
        return watch(self._transport, path, query, self._item, resource_version, timeout)

    def _table(
        self,
        namespace: str | None,
        label_selector: str | None,
        field_selector: str | None,
        all_namespaces: bool,
    ) -> Table:
        path = self._collection(namespace, all_namespaces)
        query = _selecting(label_selector, field_selector)
        return Table.of(pages(self._transport, path, query, accept=TABLE))

    # -- writing ------------------------------------------------------------------------------------------------

    def _create(self, obj: T, namespace: str | None, dry_run: bool, rules: Callable[[T], Sequence[Violation]]) -> T:
        body, namespace = self._body(obj, namespace)
        if broken := rules(obj):
            raise RuleViolation(broken)
        metadata = dict(cast("Mapping[str, object]", body.get("metadata") or {}))
        base = None if metadata.get("name") else metadata.get("generateName")
        own = uuid.uuid4().hex
        if not dry_run:
            labels = cast("Mapping[str, str]", metadata.get("labels") or {})
            metadata["labels"] = {**labels, REQUEST_ID: own}
        body["metadata"] = metadata
        while True:
            if base:  # named here and not by the server: sent twice, it is still one object
                metadata["name"] = str(base)[:_BASE] + "".join(random.choices(_SUFFIX, k=5))
            request = Request("POST", self._path(namespace), _writing(dry_run), body, repeatable=True)
            try:
                return self._read(self._transport.send(request))
            except Refusal as refusal:
                if refusal.reason != "AlreadyExists":
                    raise
                made = self._made(str(metadata.get("name")), namespace, own)
                if made is not None:
                    return made
                if not base:
                    raise

    def _made(self, name: str, namespace: str | None, own: str) -> T | None:
        """Return the object `name` if the create with the id `own` made it: sent twice, its first answer was lost."""
        try:
            answer = self._transport.send(Request("GET", self._path(namespace, name)))
        except Refusal:  # gone again, or not ours to read: either way not known to be ours
            return None
        labels = cast("Mapping[str, str]", _metadata(answer).get("labels") or {})
        return self._read(answer) if labels.get(REQUEST_ID) == own else None

    def _replace(self, obj: T, namespace: str | None, dry_run: bool, subresource: str | None = None) -> T:
        body, namespace = self._body(obj, namespace)
        path = self._path(namespace, _name_of(body), subresource)
        return self._read(self._transport.send(Request("PUT", path, _writing(dry_run), body)))

    def _modify(self, name: str, change: Callable[[T], None], namespace: str | None, dry_run: bool) -> T:
        for attempt in range(_CONFLICTS):
            current = self._get(name, namespace)
            before = current.to_dict()
            change(current)
            check_outgoing(current)
            patch = difference(before, current.to_dict())
            if not patch:
                return current
            # With its resource version, a patch is refused when another has changed the object since it was read.
            metadata = cast("Mapping[str, object]", patch.get("metadata") or {})
            patch = {**patch, "metadata": {**metadata, "resourceVersion": _metadata(before).get("resourceVersion")}}
            try:
                return self._patch(name, patch, namespace, dry_run)
            except Refusal as refusal:
                if refusal.code != 409 or attempt == _CONFLICTS - 1:
                    raise
            time.sleep(backoff(attempt + 1, first=0.01, longest=2.0, spread=1.0))
        raise AssertionError("unreachable")

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

    def _apply(
        self,
        obj: T,
        namespace: str | None,
        field_manager: str,
        force: bool,
        dry_run: bool,
        subresource: str | None = None,
    ) -> T:
        body, namespace = self._body(obj, namespace)
        metadata = {key: value for key, value in _metadata(body).items() if key != "managedFields"}
        path = self._path(namespace, _name_of(body), subresource)
        query = {**_writing(dry_run), "fieldManager": field_manager, "force": "true" if force else "false"}
        # Applying the same thing twice is applying it once.
        request = Request("PATCH", path, query, {**body, "metadata": metadata}, APPLY_PATCH, repeatable=True)
        return self._read(self._transport.send(request))

    def _delete(
        self,
        name: str,
        namespace: str | None,
        propagation: Propagation,
        uid: str | None,
        resource_version: str | None,
        dry_run: bool,
    ) -> None:
        options: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        only = {"uid": uid, "resourceVersion": resource_version}
        if preconditions := {key: value for key, value in only.items() if value is not None}:
            options["preconditions"] = preconditions
        if dry_run:  # in the body: with one, the server does not read the query
            options["dryRun"] = ["All"]
        self._transport.send(Request("DELETE", self._path(namespace, name), body=options))

    # -- paths and bodies ---------------------------------------------------------------------------------------

    def _path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        parts = [self._root()]
        if self.NAMESPACED:
            parts += ["namespaces", check_namespace(namespace or self._namespace)]
        parts.append(self.PLURAL)
        if name is not None:
            if not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"{name!r} is no name of an object: use lower-case letters, digits, '-' and '.', beginning and "
                    "ending with a letter or digit"
                )
            parts.append(name)
        return "/".join([*parts, subresource] if subresource else parts)

    def _collection(self, namespace: str | None, all_namespaces: bool) -> str:
        if not all_namespaces:
            return self._path(namespace)
        if namespace is not None:
            raise InvalidInput("give either namespace or all_namespaces=True, not both")
        return f"{self._root()}/{self.PLURAL}"

    def _root(self) -> str:
        version = self.MODEL.API_VERSION
        return f"/apis/{version}" if "/" in version else f"/api/{version}"

    def _read(self, answer: Mapping[str, object]) -> T:
        return self.MODEL.from_server(answer)

    def _item(self, item: Mapping[str, object]) -> T:
        # The items of a list may name neither their kind nor its version.
        return self._read({"apiVersion": self.MODEL.API_VERSION, "kind": self.MODEL.KIND, **item})

    def _items(self, page: Mapping[str, object]) -> Iterator[T]:
        for item in cast("list[Mapping[str, object]]", page.get("items") or []):
            yield self._item(item)

    def _body(self, obj: T, namespace: str | None) -> tuple[dict[str, object], str | None]:
        """Return the object as it is sent, and its namespace."""
        if type(obj) is not self.MODEL:
            raise InvalidInput(f"expected a {self.MODEL.KIND}, not a {type(obj).__name__}")
        check_outgoing(obj)
        body = {"apiVersion": self.MODEL.API_VERSION, "kind": self.MODEL.KIND, **obj.to_dict()}
        own = _metadata(body).get("namespace")
        if own and namespace and own != namespace:
            raise InvalidInput(f"the object is of namespace {own!r}, but namespace={namespace!r} is given; drop one")
        return body, own or namespace


def _selecting(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    query = {"labelSelector": label_selector} if label_selector else {}
    return query | ({"fieldSelector": field_selector} if field_selector else {})


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
