"""The typed operations of REST APIs: a method for each, with its path, parameters, body and result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from codegen.descriptions.docstrings import literal
from codegen.emitters.generated_module import EmitterInput, GeneratedModule
from codegen.errors import SchemaError
from codegen.pins.newest import NewestPin
from codegen.schema.definitions import is_union, reference
from codegen.schema.jsontypes import Object
from codegen.schema.naming import attribute, attributes, location, words
from codegen.schema.operations import ITEMS, PAGE_SIZE, PAGE_TOKEN, Operation, Parameter, operations_of

_PYTHON = {"boolean": "bool", "integer": "int", "number": "float", "string": "str"}
_OWN = {"body", "self", "cls"}  # names that a method has for itself


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """One method as the template renders it; all but `path` and `method` is Python source.

    Attributes:
        arguments: In order, each with its annotation and default.
        places: Wire name of each path parameter, and its argument.
        query: The same of query parameters.
        patterns: Wire name -> pattern, as source.
        body: Annotation of the body, and the class or union that a mapping is read as; None for no body.
        result: Annotation; None for nothing.
        read: What makes the result of a JSON object.
        paged: True when it yields the items of all pages.
    """

    name: str
    docstring: str
    method: str
    path: str
    arguments: tuple[str, ...]
    places: Mapping[str, str]
    query: Mapping[str, str]
    patterns: Mapping[str, str]
    body: str | None
    result: str | None
    read: str
    paged: bool


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the operations of every REST API.

    Raises:
        SchemaError: Two operations would be one method.
    """
    for pin in source.pins:
        if not pin.component.rest:
            continue
        writer = _MethodWriter(source, pin)
        methods = writer.all()
        text = source.template(
            "operations.py.jinja",
            title=pin.component.title,
            base=pin.component.rest,
            release=pin.component.versions[-1],
            methods=methods,
            classes=sorted(writer.classes),
            page=(PAGE_TOKEN, ITEMS),
        )
        package = source.config.modules[pin.component.definitions]
        yield GeneratedModule(package, "operations.py", text, ["Operations"])


class _MethodWriter:
    def __init__(self, source: EmitterInput, pin: NewestPin) -> None:
        self._source = source
        self._pin = pin
        self.classes: set[str] = set()

    def all(self) -> list[MethodFacts]:
        methods: dict[str, MethodFacts] = {}
        for operation in operations_of(self._pin.paths):
            for facts in self._of(operation):
                if facts.name in methods:
                    path = ("paths", operation.path, operation.method, "operationId")
                    raise SchemaError(f"schemas/{self._pin.file}", path, f"{facts.name} is an operation already")
                methods[facts.name] = facts
        return [methods[name] for name in sorted(methods)]

    def _of(self, operation: Operation) -> Iterable[MethodFacts]:
        item = operation.of_page(self._pin.definitions)
        name = attribute(operation.name)
        target = reference(item) if item is not None else None
        if item is None or target is None:
            yield self._method(operation, name, operation.result, list(operation.parameters), paged=False)
            return
        without_token = [each for each in operation.parameters if each.name != PAGE_TOKEN]
        yield self._method(operation, name, target, without_token, paged=True)
        yield self._method(operation, f"{name}_page", operation.result, list(operation.parameters), paged=False)

    def _method(
        self, operation: Operation, name: str, result: str | None, parameters: list[Parameter], *, paged: bool
    ) -> MethodFacts:
        called = attributes(parameter.name for parameter in parameters)
        called = {wire: f"{text}_" if text in _OWN else text for wire, text in called.items()}
        places = {each.name: called[each.name] for each in parameters if each.place == "path"}
        query = {each.name: called[each.name] for each in parameters if each.place == "query"}
        arguments = [f"{called[each.name]}: {_annotation(each.schema)}" for each in parameters if each.place == "path"]
        body = None
        if operation.body:
            body = self._class(operation.body)
            arguments.append(f"body: {body} | Mapping[str, object]")
        named = [each for each in parameters if each.place == "query"]
        required = [f"{called[each.name]}: {_annotation(each.schema)}" for each in named if each.required]
        optional = [
            f"{called[each.name]}: {_annotation(each.schema)} | None = None" for each in named if not each.required
        ]
        if named:
            arguments += ["*", *required, *optional]
        annotation = self._class(result) if result else None
        return MethodFacts(
            name=name,
            docstring=_docstring(operation, name, paged=paged),
            method=operation.method.upper(),
            path=operation.path,
            arguments=tuple(arguments),
            places=places,
            query=query,
            patterns={each.name: str(each.schema["pattern"]) for each in parameters if "pattern" in each.schema},
            body=body,
            result=annotation,
            read=self._read(result, annotation),
            paged=paged,
        )

    def _class(self, definition: str) -> str:
        name = location(self._source.config, definition)[1]
        self.classes.add(name)
        return name

    def _read(self, definition: str | None, name: str | None) -> str:
        if definition is None or name is None:
            return ""
        if is_union(self._pin.definitions[definition]):
            return f"lambda value: cast({name}, union_of({name}).from_server(value))"
        return f"{name}.from_server"


def _annotation(schema: Object) -> str:
    if "enum" in schema:
        return f"Literal[{', '.join(ascii(value) for value in cast('list[str]', schema['enum']))}]"
    return _PYTHON[str(schema["type"])]


def _docstring(operation: Operation, name: str, *, paged: bool) -> str:
    said = words(operation.name).replace("_", " ")
    what = said[:1].upper() + said[1:]
    if paged:
        what += ", all of them, page by page"
    elif name.endswith("_page"):
        what += ", one page of them"
    paragraphs = [f"{what}: `{operation.method.upper()} {operation.path}`."]
    if operation.body:
        paragraphs.append("The body is an object, or a mapping by attribute or wire names.")
    if paged:
        sized = any(parameter.name == PAGE_SIZE for parameter in operation.parameters)
        paragraphs.append(
            "Memory stays constant however many there are" + ("; a page has `page_size`." if sized else ".")
        )
    if operation.errors:
        paragraphs.append(f"Failures that are documented: {', '.join(operation.errors)}.")
    return literal(paragraphs, depth=2)
