"""The object or collection that a request is about, read from its path: for the texts of errors only."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from kubeflow.core.display import repr_of_fields
from kubeflow.core.transport import Request

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Target:
    """The object or collection of a request, in the terms of Kubernetes' access rules.

    Attributes:
        verb: Such as `"create"` or `"watch"`.
        group: API group, empty for the core API and for paths that are no resource.
        resource: Plural and subresource, such as `"pods/log"`; the path itself when it is no resource.
        namespace: `None` for cluster-scoped resources and all namespaces.
        name: `None` for collections.
    """

    verb: str
    group: str
    resource: str
    namespace: str | None
    name: str | None

    __repr__ = repr_of_fields

    @classmethod
    def of(cls, request: Request) -> Target:
        """Return what `request` is about."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        group = ""
        if parts[0] == "apis" and len(parts) > 3:
            group, rest = parts[1], parts[3:]
        elif parts[0] == "api" and len(parts) > 2:
            rest = parts[2:]
        else:
            return cls(request.method.lower(), "", request.path, None, None)
        namespace = None
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        name = rest[1] if len(rest) > 1 else None
        resource = "/".join([rest[0], *rest[2:]])
        return cls(_verb(request, name), group, resource, namespace, name)

    def __str__(self) -> str:
        """Return `"get trainjobs.trainer.kubeflow.org 'mnist' in namespace 'ml'"`."""
        if self.resource.startswith("/"):
            return f"{self.verb} {self.resource}"
        plural, _, subresource = self.resource.partition("/")
        where = "/".join(filter(None, [f"{plural}.{self.group}" if self.group else plural, subresource]))
        name = f" {self.name!r}" if self.name else ""
        return f"{self.verb} {where}{name}{self.place}"

    @property
    def place(self) -> str:
        """Return `" in namespace 'ml'"`, or nothing where there is none."""
        return f" in namespace {self.namespace!r}" if self.namespace else ""


def _verb(request: Request, name: str | None) -> str:
    if request.method != "GET":
        return _VERBS[request.method]
    if request.query.get("watch") in ("1", "true"):
        return "watch"
    return "get" if name else "list"
