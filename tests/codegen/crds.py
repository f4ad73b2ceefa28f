"""Small CRDs for tests: a structural schema in, the manifest or the pin of a component with nothing but CRDs out."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from codegen import config
from codegen.commands.generate import generate
from codegen.commands.pin import BuiltPin, build
from codegen.config import Component
from codegen.pins import lock
from codegen.upstream.source import open_source
from tests.codegen.conftest import ROOT

_TRAINER = config.load(ROOT).component("trainer")
REF = "#/components/schemas/"
KNOWN: dict[str, Any] = json.loads((ROOT / "schemas" / _TRAINER.pin_file(_TRAINER.versions[-1])).read_text("utf-8"))[
    "components"
]["schemas"]


def manifest(spec: Mapping[str, Any], root: Mapping[str, Any] | None = None, kind: str = "Gadget") -> dict[str, Any]:
    """Return the CRD of a kind of gadget.example/v1 whose `spec` has the structural schema `spec`."""
    meta = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    return crd({"type": "object", "properties": {**meta, "spec": spec}, **(root or {})}, kind)


def crd(schema: Mapping[str, Any], kind: str = "Gadget") -> dict[str, Any]:
    """Return the CRD of a kind of gadget.example/v1 with the structural schema `schema`."""
    plural = f"{kind.lower()}s"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.gadget.example"},
        "spec": {
            "group": "gadget.example",
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def component(kinds: tuple[str, ...] = ("Gadget",), names: Mapping[str, str] | None = None) -> Component:
    """Return a component that has CRDs only: `*.yaml`, of gadget.example/v1."""
    katib = config.load(ROOT).component("katib")
    return dataclasses.replace(
        katib,
        name="gadget",
        versions=("v1.0.0",),
        openapi=None,
        crds="*.yaml",
        group="gadget.example",
        version="v1",
        definitions="gadget.v1",
        kinds=kinds,
        names=names or {},
        rename={},
        identical={},
    )


def built(folder: Path, *crds: Mapping[str, Any], names: Mapping[str, str] | None = None) -> BuiltPin:
    """Return the pin of some CRDs, which are written to files of `folder`."""
    kinds = tuple(each["spec"]["names"]["kind"] for each in crds)
    for each in crds:
        (folder / f"{each['metadata']['name']}.yaml").write_text(json.dumps(each), "utf-8")
    return build(component(kinds, names), "v1.0.0", open_source(str(folder)), [KNOWN])


def definitions(pin: BuiltPin) -> dict[str, Any]:
    """Return the definitions of a pin by name."""
    found: dict[str, Any] = json.loads(pin.content)["components"]["schemas"]
    return found


def generated(folder: Path, *crds: Mapping[str, Any]) -> None:
    """Pin some CRDs in a small checkout below `folder` and generate the package `gadget_api` from them."""
    upstream, root = folder / "upstream", folder / "checkout"
    upstream.mkdir()
    pin = built(upstream, *crds)
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["codegen"]
    own = component(tuple(each["spec"]["names"]["kind"] for each in crds))
    lines = ["[tool.codegen]", 'package = "gadget_api"', 'shared = ["io.k8s."]', "[tool.codegen.components.gadget]"]
    lines += [f"{key} = {json.dumps(getattr(own, key))}" for key in _KEYS]
    for name in ("modules", "types"):
        entries = {**table[name], **({"gadget.v1": "gadget.v1"} if name == "modules" else {})}
        lines += [
            f"[tool.codegen.{name}]",
            *(f"{json.dumps(key)} = {json.dumps(each)}" for key, each in entries.items()),
        ]
    (root / "schemas/gadget").mkdir(parents=True)
    (root / "pyproject.toml").write_text("\n".join(lines), "utf-8")
    (root / "templates").symlink_to(ROOT / "templates")
    (root / "codegen").symlink_to(ROOT / "codegen")
    (root / "schemas/gadget/v1.0.json").write_bytes(pin.content)
    entry = lock.Pin("gadget", "v1.0.0", own.repository, "0" * 40, "gadget/v1.0.json", lock.sha256(pin.content), {})
    (root / "schemas/lock.toml").write_text(lock.render([entry]), "utf-8")
    generate(root, config.load(root))


@contextmanager
def imported(folder: Path, *crds: Mapping[str, Any]) -> Iterator[ModuleType]:
    """Yield the package that is generated from some CRDs, until it is forgotten again."""
    generated(folder, *crds)
    place = str(folder / "checkout/generated")
    sys.path.insert(0, place)
    importlib.invalidate_caches()
    try:
        yield importlib.import_module("gadget_api.gadget.v1")
    finally:
        sys.path.remove(place)
        for name in [name for name in sys.modules if name.partition(".")[0] == "gadget_api"]:
            del sys.modules[name]


_KEYS = ("repository", "versions", "crds", "group", "version", "definitions", "kinds")
