"""`python -m codegen pin`: reads a release's upstream documents and writes its pin and the pin's entry in `lock.toml`.

A pin is a valid OpenAPI 3.0 document, so that any tool can read it. It has definitions by upstream's names with the
CRDs' constraints merged in, and under `x-kinds` the names, scope, subresources and printer columns of each kind.
Upstream's descriptions are left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from codegen.config import Component
from codegen.errors import CodegenError, SchemaError
from codegen.pins import lock
from codegen.schema.definitions import Definitions, reachable
from codegen.schema.jsontypes import Json, Object
from codegen.upstream.crd import read_crd
from codegen.upstream.merge import merge
from codegen.upstream.named_types import name_types
from codegen.upstream.openapi import read_definitions
from codegen.upstream.source import Document, Source


def build(
    component: Component, version: str, source: Source, others: Definitions | None = None
) -> tuple[bytes, list[Document]]:
    """Return the pinned file for one release of `component`, and the documents that it was made from.

    Args:
        others: Definitions of other pins, for a component whose CRDs are all there is.

    Raises:
        SchemaError: A document is wrong, or two disagree.
        CodegenError: A document or a kind is missing.
    """
    documents = source.glob(component.crds)
    crds = {crd.kind: crd for crd in (read_crd(document, component.version) for document in documents)}
    if missing := [kind for kind in component.kinds if kind not in crds]:
        raise CodegenError(f"no CRD for {', '.join(missing)}; {component.crds} has: {', '.join(sorted(crds))}")
    kinds = [crds[kind] for kind in component.kinds]
    for crd in kinds:
        if crd.facts["group"] != component.group:
            raise SchemaError(crd.document, ("spec", "group"), f"expected {component.group!r}")
    if component.openapi is None:
        names, merged, read = component.crds, name_types(component.definitions, kinds, others or {}), []
    else:
        openapi = source.read(component.openapi)
        definitions = read_definitions(openapi, component.rename)
        names, read = openapi.name, [openapi]
        merged = merge(definitions, names, [(component.definition(crd.kind), crd) for crd in kinds])
    roots = [name for crd in kinds for name in (crd.kind, str(crd.facts["listKind"]))]
    wanted = [component.definition(name) for name in (*roots, *component.extra)]
    if version != component.versions[-1]:  # an older release may lack what is kept besides the kinds
        wanted = [name for name in wanted if name in merged or name not in map(component.definition, component.extra)]
    if unknown := [name for name in wanted if name not in merged]:
        raise SchemaError(names, ("components", "schemas"), f"no definition {unknown[0]!r}")
    pinned: Json = {
        "openapi": "3.0.3",
        "info": {"title": component.name, "version": version},
        "paths": {},
        "components": {"schemas": reachable(merged, wanted)},
        "x-kinds": [crd.facts for crd in kinds],
    }
    text = json.dumps(pinned, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    used = {crd.document for crd in kinds}
    return text.encode(), [*read, *(document for document in documents if document.name in used)]


def same_types(component: Component, source: Source, others: Mapping[str, Source]) -> dict[str, dict[str, str]]:
    """Return the proof that other releases have the types of the pinned one: a document that is byte for byte the same.

    Raises:
        CodegenError: A release of `component.identical` is not in `others`, or its document differs.
    """
    proofs: dict[str, dict[str, str]] = {}
    for version, name in component.identical.items():
        if version not in others:
            raise CodegenError(
                f"{component.name} {version} is said to have the same types: give --identical {version}=FOLDER"
            )
        here, there = source.read(name), others[version].read(name)
        if here.sha256 != there.sha256:
            raise CodegenError(f"{name} differs between the pinned release and {version}: pin {version} on its own")
        proofs[version] = {"document": name, "sha256": here.sha256}
    return proofs


def pin(
    root: Path,
    component: Component,
    version: str,
    source: Source,
    commit: str | None,
    identical: Mapping[str, Source] | None = None,
) -> Path:
    """Pin one release: write `schemas/<component>/<minor>.json` and its entry in `schemas/lock.toml`.

    Nothing is written unless everything was read and agreed. The result depends on the documents alone.

    Args:
        root: Of the checkout.
        version: The release tag, such as `v2.3.0`; a pin of the same minor is replaced.
        commit: Full hash of the upstream commit; may be left out when the source knows it.
        identical: Sources of the releases that `component.identical` names.

    Raises:
        CodegenError: See `build`; or the commit is neither given nor known.
    """
    file = component.pin_file(version)
    commit = commit or source.commit()
    if not commit or len(commit) != 40 or not set(commit) <= set("0123456789abcdef"):
        raise CodegenError("the source is no git checkout: name the release's full commit hash with --commit")
    content, documents = build(component, version, source, _others(root / "schemas", component))
    entry = lock.Pin(
        component=component.name,
        version=version,
        repository=component.repository,
        commit=commit,
        file=file,
        sha256=lock.sha256(content),
        sources={document.name: document.sha256 for document in documents},
        identical=same_types(component, source, identical or {}),
    )
    schemas = root / "schemas"
    pins = [other for other in lock.read(schemas) if other.file != file]
    text = lock.render([*pins, entry])
    target = schemas / file
    target.parent.mkdir(parents=True, exist_ok=True)
    _replace(target, content)
    _replace(schemas / "lock.toml", text.encode())
    return target


def _others(schemas: Path, component: Component) -> Definitions:
    """Return the definitions of the pins of other components; where several have one, the newest file's."""
    definitions: dict[str, Object] = {}
    for entry in lock.read(schemas):
        if entry.component != component.name:
            document = cast("Mapping[str, Mapping[str, Definitions]]", json.loads((schemas / entry.file).read_bytes()))
            definitions |= document["components"]["schemas"]
    return definitions


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    os.replace(temporary, path)  # noqa: PTH105 - atomic on every platform, unlike rename
