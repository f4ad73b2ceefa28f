"""A pin as CustomResourceDefinition manifests that can be installed, without upstream's descriptions.

They are for tests: an API server that has them enforces the contract that the models were made from. What remains
stricter than upstream is what `schemas/patches.toml` requires because a webhook does, and, of a kind whose CRD upstream
is opaque, everything.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from codegen.config import Component
from codegen.errors import SchemaError
from codegen.pins import lock, patches
from codegen.schema.definitions import Definitions
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string, parse_json
from codegen.upstream.structural import Inliner

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
    if entry.version in (component.versions[-1], component.preview):  # models are made of these, and patches for them
        components = as_object(pin["components"], entry.file, ("components",))
        definitions = cast("Definitions", as_object(components["schemas"], entry.file, ("components", "schemas")))
        own = [patch for patch in patches.of_component(schemas, component.name) if patch.definition in definitions]
        patched = patches.apply(definitions, own)
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
    inliner = Inliner(document, definitions)
    result: dict[str, Object] = {}
    for index, entry in enumerate(as_list(pin.get("x-kinds"), document, _KINDS)):
        facts = as_object(entry, document, (*_KINDS, index))
        manifest = _manifest(document, facts, inliner)
        name = as_string(as_object(manifest["metadata"], document, ())["name"], document, ())
        plural, _, group = name.partition(".")
        file = f"{group}_{plural}.json"
        result[file] = _with_version(result[file], manifest) if file in result else manifest
    return result


def _with_version(manifest: Object, other: Object) -> Object:
    """Return a manifest with the version that `other` has of the same kind; the one that stood first is stored."""
    spec, further = cast("Object", manifest["spec"]), cast("Object", other["spec"])
    added = [{**version, "storage": False} for version in cast("list[Object]", further["versions"])]
    return {**manifest, "spec": {**spec, "versions": [*cast("list[Json]", spec["versions"]), *added]}}


def render(manifest: Object) -> str:
    """Return the text of one manifest: JSON, which `kubectl` takes as it takes YAML."""
    return json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"


def _manifest(document: str, facts: Object, inliner: Inliner) -> Object:
    texts = {
        key: as_string(facts.get(key), document, (*_KINDS, key)) for key in ("group", "version", "plural", "scope")
    }
    version: dict[str, Json] = {
        "name": texts["version"],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": kind_schema(document, inliner, facts)},
    }
    if subresources := as_list(facts.get("subresources", []), document, _KINDS):
        version["subresources"] = {as_string(name, document, _KINDS): {} for name in subresources}
    if columns := facts.get("printerColumns"):
        version["additionalPrinterColumns"] = columns
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{texts['plural']}.{texts['group']}", **_approval(texts["group"])},
        "spec": {
            "group": texts["group"],
            "names": {key: facts[key] for key in _NAMES if facts.get(key)},
            "scope": texts["scope"],
            "versions": [version],
        },
    }


def _approval(group: str) -> Object:
    """Return what the API server wants to see of a kind in one of Kubernetes' own groups, such as `apps.k8s.io`."""
    if not group.endswith((".k8s.io", ".kubernetes.io")):
        return {}
    return {"annotations": {"api-approved.kubernetes.io": "unapproved, made from a pin to test with"}}


def kind_schema(document: str, inliner: Inliner, facts: Object) -> Object:
    """Return the structural schema of one kind of a pin.

    Args:
        document: Name of the pin, for messages.
        inliner: With the definitions of the pin.
        facts: Of the kind, as they stand in the pin.

    Raises:
        SchemaError: The facts name no definition of the pin; or a type refers to itself.
    """
    definition = as_string(facts.get("definition"), document, (*_KINDS, "definition"))
    if definition not in inliner.definitions:
        raise SchemaError(document, ("components", "schemas"), f"no definition {definition!r}")
    root = dict(inliner.definition(definition))
    # The server validates an object's own metadata itself, and refuses a CRD that wants to.
    root["properties"] = {**cast("Object", root["properties"]), "metadata": {"type": "object"}}
    return root
