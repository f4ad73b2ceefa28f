"""The operations of a REST API as a pin has them: path, parameters, body, result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from codegen.schema.definitions import Definitions, reference
from codegen.schema.jsontypes import Object

METHODS = ("get", "post", "put", "patch", "delete")
PAGE_TOKEN, PAGE_SIZE, ITEMS = "nextPageToken", "pageSize", "items"
"""Names by which a list is known to come in pages: parameters of the operation, and fields of its result."""

Place: TypeAlias = Literal["path", "query"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, by its name on the wire; `schema` is of a scalar."""

    name: str
    place: Place
    required: bool
    schema: Object


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: Its `operationId`.
        method: In lower case.
        path: With the names of path parameters in braces.
        body: Definition of what is sent; None for nothing.
        result: Definition of what a success answers with; None for nothing.
        errors: Statuses that are documented besides, such as `409`.
    """

    name: str
    method: str
    path: str
    parameters: Sequence[Parameter]
    body: str | None
    result: str | None
    errors: Sequence[str]

    def of_page(self, definitions: Definitions) -> Object | None:
        """Return the schema of one item where the operation lists items page by page; None for any other."""
        names = {parameter.name for parameter in self.parameters}
        nothing: Object = {}
        listed = definitions[self.result] if self.result else nothing
        fields = cast("Mapping[str, Object]", listed.get("properties", {}))
        if not {PAGE_TOKEN, PAGE_SIZE} <= names or not {PAGE_TOKEN, ITEMS} <= fields.keys():
            return None
        return cast("Object", fields[ITEMS].get("items", {}))


def operations_of(paths: Mapping[str, Object]) -> list[Operation]:
    """Return the operations of a pin, by path and method."""
    found: list[Operation] = []
    for path, item in paths.items():
        for method in (each for each in METHODS if each in item):
            node = cast("Mapping[str, Object]", item[method])
            responses = cast("Mapping[str, Object]", node["responses"])
            results = {_content(response) for status, response in responses.items() if status.startswith("2")}
            found.append(
                Operation(
                    name=str(node["operationId"]),
                    method=method,
                    path=path,
                    parameters=[_parameter(each) for each in cast("Sequence[Object]", node.get("parameters", ()))],
                    body=_content(node["requestBody"]) if "requestBody" in node else None,
                    result=next(iter(results)),
                    errors=[status for status in responses if not status.startswith("2")],
                )
            )
    return found


def _parameter(node: Object) -> Parameter:
    place: Place = "path" if node["in"] == "path" else "query"
    return Parameter(str(node["name"]), place, node.get("required") is True, cast("Object", node["schema"]))


def _content(node: Object) -> str | None:
    content = cast("Mapping[str, Mapping[str, Object]]", node.get("content", {}))
    return reference(content["application/json"]["schema"]) if content else None
