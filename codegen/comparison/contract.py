"""The API of a component as read from a pin, from CRDs, or from the OpenAPI v3 document of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from codegen.comparison.tree import Node, expand, expand_all
from codegen.config import Component, KindName
from codegen.errors import CodegenError, SchemaError
from codegen.pins import lock
from codegen.schema.definitions import REF_PREFIX, children, reference, references
from codegen.schema.jsontypes import Json, Object, as_list, as_object, as_string, parse_json
from codegen.schema.operations import Operation, operations_of

# What the server itself says of every object, in the version of the cluster: no part of a component's contract.
_SERVERS = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True, slots=True)
class Contract:
    """One state of a component's API.

    Attributes:
        name: As people call it: `trainer v2.3.0`, or where it was read.
        kinds: Tree of each kind, by name.
        facts: Scope, plural, subresources and so on of each kind, as far as the document says.
        roots: Trees of what no kind reaches, such as lists and request bodies, by type name.
        types: Full names of all types; empty where the document names none.
        complete: True when it has what OpenAPI adds to the CRDs: names, formats, enums of Kubernetes' own types.
        whole: True when the document has all kinds of the component: a kind that is not in it does not exist.
    """

    name: str
    kinds: Mapping[str, Node]
    facts: Mapping[str, Object]
    roots: Mapping[str, Node]
    types: Mapping[str, Node]
    complete: bool
    whole: bool = True

    def only(self, kinds: Iterable[str]) -> Contract:
        """Return the contract of `kinds` alone.

        Raises:
            CodegenError: There is no such kind; lists those that exist.
        """
        wanted = set(kinds)
        if unknown := sorted(wanted - self.kinds.keys()):
            raise CodegenError(f"{self.name} has no kind {unknown[0]!r}; it has: {', '.join(sorted(self.kinds))}")
        return replace(
            self, kinds={kind: node for kind, node in self.kinds.items() if kind in wanted}, roots={}, types={}
        )


def pinned(root: Path, component: Component, version: str) -> Contract:
    """Return the contract that a pin holds.

    Args:
        root: Of the checkout.
        version: `2.3`, `v2.3` or `v2.3.0`.

    Raises:
        CodegenError: That version is not pinned; lists those that are. Or its file differs from the lock.
    """
    schemas = root / "schemas"
    pin = lock.find(schemas, component.name, version)
    document = as_object(parse_json(lock.content(schemas, pin), pin.file), pin.file, ())
    return from_pin(f"{component.name} {pin.version}", document, component.definitions)


def from_file(path: Path, component: Component) -> Contract:
    """Return the contract in a file: a pin, CRDs in YAML (one or several), or what a cluster serves as OpenAPI.

    Raises:
        CodegenError: The file cannot be read, or is none of these, or has nothing of the component's group.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CodegenError(f"cannot read {path}: {error.strerror}") from error
    name = path.name
    documents = [parse_json(content, name)] if path.suffix == ".json" else _yaml(content, name)
    objects = [as_object(document, name, ()) for document in documents if document is not None]
    if any(document.get("kind") == "CustomResourceDefinition" for document in objects):
        return from_crds(name, objects, component)
    if len(objects) == 1 and "components" in objects[0]:
        if "x-kinds" in objects[0]:
            return from_pin(name, objects[0], component.definitions)
        return from_openapi(name, objects[0], component)
    raise CodegenError(
        f"{path} is neither a pin, nor CRDs, nor an OpenAPI document of a cluster "
        f"(kubectl get --raw /openapi/v3/apis/{next(iter(component.api_versions))})"
    )


def from_pin(name: str, document: Object, definitions: str) -> Contract:
    """Return the contract in a pinned document.

    Args:
        definitions: Prefix of the component's definitions, without the final dot.

    Raises:
        CodegenError: It is a pin of another component.
    """
    schemas = cast("Mapping[str, Object]", as_object(document["components"], name, ()).get("schemas"))
    facts: dict[str, Object] = {}
    of_kind: dict[str, str] = {}
    for entry in cast("Sequence[Object]", document["x-kinds"]):
        definition = str(entry.get("definition", f"{definitions}.{entry['kind']}"))
        own = definition == f"{definitions}.{entry['kind']}"
        label = str(entry["kind"]) if own else f"{entry['group']}/{entry['version']}/{entry['kind']}"
        facts[label], of_kind[label] = entry, definition
    prefixes = {definitions, *(definition.rpartition(".")[0] for definition in of_kind.values())}
    if facts and not any(definition.startswith(f"{definitions}.") for definition in of_kind.values()):
        raise CodegenError(f"{name} has no kind of {definitions}: it is a pin of another component")
    if absent := [definition for definition in of_kind.values() if definition not in schemas]:
        raise CodegenError(f"{name} has no definition {absent[0]}: it is a pin of another component")
    lists = {str(entry["listKind"]) for entry in facts.values()}
    trees = expand_all(schemas, name)
    referred = {target for node in schemas.values() for target in references(node)}
    roots = {
        key.removeprefix(f"{definitions}."): _without(trees[key], "items") if _last(key) in lists else trees[key]
        for key in schemas
        if key not in referred and key.rpartition(".")[0] in prefixes and key not in of_kind.values()
    }
    # Of a REST API: what an operation takes and answers, as if these were fields of one object.
    for operation in operations_of(cast("Mapping[str, Object]", document.get("paths", {}))):
        roots[f"{operation.method.upper()} {operation.path}"] = expand(_as_object(operation), schemas, name)
    return Contract(
        name=name,
        kinds={label: trees[definition] for label, definition in of_kind.items()},
        facts=facts,
        roots={key: roots[key] for key in sorted(roots)},
        types=trees,
        complete=True,
    )


def _as_object(operation: Operation) -> Object:
    fields: dict[str, Json] = {parameter.name: parameter.schema for parameter in operation.parameters}
    required: list[Json] = [parameter.name for parameter in operation.parameters if parameter.required]
    if operation.body:
        fields["(body)"] = {"$ref": REF_PREFIX + operation.body}
        required.append("(body)")
    if operation.result:
        fields["(result)"] = {"$ref": REF_PREFIX + operation.result}
    return {"type": "object", "properties": fields, "required": required}


def from_crds(name: str, documents: Iterable[Object], component: Component) -> Contract:
    """Return the contract in CRDs; those of other groups are left out.

    Raises:
        CodegenError: None of them belongs to the component, in its version.
    """
    kinds: dict[str, Node] = {}
    facts: dict[str, Object] = {}
    for document in documents:
        spec = as_object(document.get("spec", {}), name, ("spec",))
        if document.get("kind") != "CustomResourceDefinition":
            continue
        names = as_object(spec.get("names"), name, ("spec", "names"))
        kind = as_string(names.get("kind"), name, ("spec", "names", "kind"))
        versions = cast("Sequence[Object]", as_list(spec.get("versions"), name, ("spec", "versions")))
        for version in versions:
            found = KindName(str(spec.get("group")), str(version.get("name")), kind)
            if found.api_version in component.api_versions:
                label = component.written(found)
                schema = as_object(version.get("schema", {}), name, ("spec", "versions")).get("openAPIV3Schema", {})
                kinds[label] = _without(expand(as_object(schema, name, ("spec",)), {}, name), *_SERVERS)
                facts[label] = {
                    "scope": spec.get("scope"),
                    "plural": names.get("plural"),
                    "subresources": sorted(as_object(version.get("subresources", {}), name, ("spec", "versions"))),
                }
    return _nonempty(Contract(name, kinds, facts, {}, {}, complete=False, whole=False), component)


def from_openapi(name: str, document: Object, component: Component) -> Contract:
    """Return the contract in the OpenAPI v3 document that a cluster serves for a group and version of the component.

    Raises:
        CodegenError: It describes no kind of the component.
    """
    components = as_object(document.get("components", {}), name, ("components",))
    schemas = cast("Mapping[str, Object]", as_object(components.get("schemas", {}), name, ("components", "schemas")))
    kinds: dict[str, Node] = {}
    for key, schema in schemas.items():
        for identity in cast("Sequence[Object]", schema.get("x-kubernetes-group-version-kind", [])):
            kind = KindName(*(str(identity.get(key)) for key in ("group", "version", "kind")))
            if kind.api_version in component.api_versions and not _is_list(schema):
                kinds[component.written(kind)] = _without(expand({"$ref": REF_PREFIX + key}, schemas, name), *_SERVERS)
    # Nothing else in such a document is named for the reader: names of types are made up by the server.
    kinds = {kind: _anonymous(node) for kind, node in kinds.items()}
    return _nonempty(Contract(name, kinds, {}, {}, {}, complete=False), component)


def servers_part_removed(contract: Contract) -> Contract:
    """Return `contract` without what only a complete document says: to be compared with one that is not."""
    kinds = {kind: _without(node, *_SERVERS) for kind, node in contract.kinds.items()}
    return replace(contract, kinds=kinds, roots={}, types={})


def _is_list(schema: Object) -> bool:
    items = dict(children(schema)).get("items")
    below = dict(children(items)).get("[]") if items else None
    return below is not None and reference(below) is not None


def _nonempty(contract: Contract, component: Component) -> Contract:
    if not contract.kinds:
        raise CodegenError(f"{contract.name} describes no kind of {' or '.join(component.api_versions)}")
    return contract


def _anonymous(node: Node) -> Node:
    return replace(
        node, definition=None, own={}, children={step: _anonymous(child) for step, child in node.children.items()}
    )


def _without(node: Node, *steps: str) -> Node:
    return replace(node, children={step: child for step, child in node.children.items() if step not in steps})


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _yaml(content: bytes, name: str) -> list[Json]:
    import yaml

    try:
        return list(yaml.load_all(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise SchemaError(name, (), f"not YAML: {error}") from error
