"""A pin as CustomResourceDefinition manifests that can be installed, without upstream's descriptions.

They are for tests: an API server that has them enforces the contract that the models were made from. A pin merges two
documents, and some facts of it stand in upstream's OpenAPI file only. A server with upstream's CRDs does not know
them, so they are left out here: enums of Kubernetes' own types, the list type of embedded finalizers, and how clients
patch lists. What remains stricter than upstream is `format: int32` on a few plain Go integers, what
`schemas/patches.toml` requires because a webhook does, and, of a kind whose CRD upstream is opaque, everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from codegen.config import Component
from codegen.errors import SchemaError
from codegen.pins import lock, patches
from codegen.schema.definitions import EMBEDDED_META, KUBERNETES, Definitions, reference
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string, parse_json
from codegen.upstream.crd import EITHER_FORM, FACTS

# controller-gen writes an enum only where Go code has its marker. Kubernetes' own types have none, but for this one.
_MARKED = {"io.k8s.apimachinery.pkg.apis.meta.v1.Condition"}
_KINDS: JsonPath = ("x-kinds",)
_NAMES = ("kind", "listKind", "plural", "singular", "shortNames", "categories")


def write(root: Path, component: Component, version: str, out: Path) -> str:
    """Write the manifests of one pin to the folder `out` and return a line that says what was written.

    Raises:
        CodegenError: The version is not pinned, or the pin cannot be expressed as CRDs.
    """
    crds = pinned_crds(root, component, version)
    out.mkdir(parents=True, exist_ok=True)
    for name, manifest in crds.items():
        (out / name).write_text(render(manifest), "utf-8")
    return f"{out}: {', '.join(crds)}"


def pinned_crds(root: Path, component: Component, version: str) -> dict[str, Object]:
    """Return the manifests of one pin of `component` by file name, with the patches that its models have.

    Args:
        root: Of the checkout.
        version: `2.3`, `v2.3` or `v2.3.0`.

    Raises:
        CodegenError: The version is not pinned, its file differs from the lock, or it cannot be expressed as CRDs.
    """
    schemas = root / "schemas"
    entry = lock.find(schemas, component.name, version)
    pin = as_object(parse_json(lock.content(schemas, entry), entry.file), entry.file, ())
    if entry.version == component.versions[-1]:  # patches are written for what the models are generated from
        components = as_object(pin["components"], entry.file, ("components",))
        definitions = cast("Definitions", as_object(components["schemas"], entry.file, ("components", "schemas")))
        patched = patches.apply(definitions, patches.of_component(schemas, component.name))
        pin = {**pin, "components": {"schemas": patched}}
    return manifests(f"schemas/{entry.file}", pin)


def manifests(document: str, pin: Object) -> dict[str, Object]:
    """Return the CRDs of a pin by file name, such as `trainer.kubeflow.org_trainjobs.json`.

    Args:
        document: Name of the pin, for messages.
        pin: The parsed pin.

    Raises:
        SchemaError: A type refers to itself, which no structural schema can express, or `x-kinds` is incomplete.
    """
    definitions = cast("Definitions", as_object(pin.get("components"), document, ("components",))["schemas"])
    inliner = _Inliner(document, definitions)
    result: dict[str, Object] = {}
    for index, entry in enumerate(as_list(pin.get("x-kinds"), document, _KINDS)):
        facts = as_object(entry, document, (*_KINDS, index))
        manifest = _manifest(document, facts, inliner)
        name = as_string(as_object(manifest["metadata"], document, ())["name"], document, ())
        plural, _, group = name.partition(".")
        result[f"{group}_{plural}.json"] = manifest
    return result


def render(manifest: Object) -> str:
    """Return the text of one manifest: JSON, which `kubectl` takes as it takes YAML."""
    return json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"


def _manifest(document: str, facts: Object, inliner: _Inliner) -> Object:
    texts = {
        key: as_string(facts.get(key), document, (*_KINDS, key)) for key in ("group", "version", "plural", "scope")
    }
    version: dict[str, Json] = {
        "name": texts["version"],
        "served": True,
        "storage": True,  # the only version here, so it must be the one that is stored
        "schema": {"openAPIV3Schema": inliner.kind(as_string(facts.get("kind"), document, (*_KINDS, "kind")), facts)},
    }
    if subresources := as_list(facts.get("subresources", []), document, _KINDS):
        version["subresources"] = {as_string(name, document, _KINDS): {} for name in subresources}
    if columns := facts.get("printerColumns"):
        version["additionalPrinterColumns"] = columns
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{texts['plural']}.{texts['group']}"},
        "spec": {
            "group": texts["group"],
            "names": {key: facts[key] for key in _NAMES if facts.get(key)},
            "scope": texts["scope"],
            "versions": [version],
        },
    }


@dataclass(frozen=True, slots=True)
class _Inliner:
    document: str
    definitions: Definitions

    def kind(self, name: str, facts: Object) -> Object:
        definition = self._definition(name, facts)
        root = dict(self._node(self.definitions[definition], definition, (definition,)))
        # The server validates an object's own metadata itself, and refuses a CRD that wants to.
        root["properties"] = {**cast("Object", root["properties"]), "metadata": {"type": "object"}}
        return root

    def _definition(self, name: str, facts: Object) -> str:
        """Return the definition of the kind `name`: the one whose list type is beside it."""
        listed = str(facts.get("listKind"))
        candidates = [
            definition
            for definition in self.definitions
            if definition.endswith(f".{name}") and f"{definition.removesuffix(name)}{listed}" in self.definitions
        ]
        if len(candidates) != 1:
            raise SchemaError(
                self.document, _KINDS, f"{len(candidates)} definitions fit the kind {name!r}; expected one"
            )
        return candidates[0]

    def _node(self, node: Object, owner: str, way: tuple[str, ...]) -> Object:
        """Return `node`, which stands in the definition `owner`, with all references inlined."""
        target = reference(node)
        if target:
            if target in way:
                raise SchemaError(self.document, ("components", "schemas", target), "refers to itself")
            inlined = self._node(self.definitions[target], target, (*way, target))
            return {**inlined, **self._facts(node, owner)}
        result: dict[str, Json] = {"type": node["type"]} if "type" in node else {}
        result.update(self._facts(node, owner))
        if "required" in node:
            result["required"] = node["required"]
        if "properties" in node:
            properties = cast("Mapping[str, Object]", node["properties"])
            result["properties"] = {name: self._node(child, owner, way) for name, child in properties.items()}
        for keyword in ("items", "additionalProperties"):
            if isinstance(child := node.get(keyword), Mapping):
                result[keyword] = self._node(child, owner, way)
        if node.get("additionalProperties") is True:
            result["x-kubernetes-preserve-unknown-fields"] = True
        if not _keys_stand(result):
            del result["x-kubernetes-list-type"], result["x-kubernetes-list-map-keys"]
        if "oneOf" in node:  # the only form that a pin has: IntOrString and Quantity
            result |= {"anyOf": EITHER_FORM, "x-kubernetes-int-or-string": True}
            result.pop("format", None)
        return result

    def _facts(self, node: Object, owner: str) -> Object:
        facts = {key: node[key] for key in sorted(FACTS) if key in node}
        if owner.startswith(KUBERNETES) and owner not in _MARKED:
            facts.pop("enum", None)
        if owner == EMBEDDED_META:
            facts.pop("x-kubernetes-list-type", None)
        return facts


def _keys_stand(node: Object) -> bool:
    """Return True when every key of a list of type `map` is required or has a default, as the API server demands.

    Definitions that come from an OpenAPI file alone, such as Katib's, may lack that: their lists are plain lists here.
    """
    keys = cast("list[str]", node.get("x-kubernetes-list-map-keys", []))
    item = cast("Object", node.get("items", {}))
    properties = cast("Mapping[str, Object]", item.get("properties", {}))
    return all(key in cast("list[str]", item.get("required", [])) or "default" in properties[key] for key in keys)
