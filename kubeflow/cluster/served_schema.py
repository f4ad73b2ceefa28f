"""The schema that a cluster publishes of a kind, and which minor of a control plane it is most like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kubeflow.cluster.wire import mapping
from kubeflow.core.transport import Request, Transport

if TYPE_CHECKING:
    from kubeflow.core.availability import Availability


def served_schema(transport: Transport, api_version: str, kind: str) -> Mapping[str, object]:
    """Return the OpenAPI schema that the cluster serves of `kind`, with one request; an empty one if it has none.

    Raises:
        ClusterError: As the transport does.
    """
    document = transport.send(Request("GET", f"/openapi/v3/apis/{api_version}"))
    schemas = mapping(document, "components", "schemas")
    named = [schema for name, schema in schemas.items() if name.endswith(f".{kind}")]
    return mapping(named[0]) if named else {}


def likeliest_minor(availability: Availability, kind: str, schema: Mapping[str, object]) -> str:
    """Return the minor whose `kind` is most like `schema`: that has the most fields of it, and lacks the most others.

    Args:
        availability: The fields of the control plane's minors.
        kind: The kind.
        schema: Its schema.
    """

    def likeness(minor: str) -> int:
        return sum(
            availability.has(field, minor) == has_field(schema, field.path) for field in availability.fields[kind]
        )

    return max(reversed(availability.minors), key=likeness)  # of equals the newest


def has_field(schema: Mapping[str, object], path: str) -> bool:
    """Return whether a schema has a field, whose path is written as in `kubeflow.core.availability`."""
    for step in path.replace("[*]", ".[*]").split("."):
        schema = mapping(schema, "items") if step == "[*]" else mapping(schema, "properties", step)
        if not schema:
            return False
    return True
