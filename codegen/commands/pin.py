"""`python -m codegen pin`: reads a release's upstream documents and writes its pin and the pin's entry in `lock.toml`.

A pin is a valid OpenAPI 3.0 document, so that any tool can read it. It has definitions by upstream's names with the
CRDs' constraints merged in, and under `x-kinds` the names, scope, subresources and printer columns of each kind.
Upstream's descriptions are left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from codegen.config import Component
from codegen.errors import CodegenError, SchemaError
from codegen.pins import lock, round_trip
from codegen.pins.patches import upstream as upstream_patches
from codegen.schema.definitions import ANY_OBJECT, KUBERNETES, Definitions, reachable
from codegen.schema.jsontypes import Object, parse_json
from codegen.upstream.crd import Crd, read_crds
from codegen.upstream.merge import OpenApiPlaces, merge
from codegen.upstream.named_types import NamedTypes, name_types
from codegen.upstream.openapi import check_valid, places, read_definitions
from codegen.upstream.patching import PatchedSource
from codegen.upstream.rest_document import read_rest_api
from codegen.upstream.source import Document, Source
from codegen.upstream.upstream_names import UpstreamNames


@dataclass(frozen=True, slots=True)
class BuiltPin:
    """A pin that is not written yet.

    Attributes:
        content: Of the pinned file.
        documents: That it was made from.
        notes: What a maintainer should know: types that are nearly Kubernetes' own, kinds that were not taken.
    """

    content: bytes
    documents: Sequence[Document]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class WrittenPin:
    """A pin that was written: its file, and what a maintainer should know of it."""

    file: Path
    notes: Sequence[str]

    def __str__(self) -> str:
        return "\n".join([str(self.file), *(f"note: {note}" for note in self.notes)])


def build(component: Component, version: str, source: Source, others: Sequence[Definitions] | None = None) -> BuiltPin:
    """Return the pin of one release of `component`.

    Args:
        source: With patches of upstream's documents applied.
        others: Definitions of other pins, for a component whose documents leave out Kubernetes' own types: several
            states of them, of which the one is used that fits best, the first of those that fit equally.

    Raises:
        SchemaError: A document is wrong, or two disagree.
        CodegenError: A document or a kind is missing; or a pattern of `names` matches nothing. Or the pin does not give
            back the CRDs that it was made from.
    """
    if component.rest:
        return _build_rest(component, component.rest, version, source)
    documents = source.glob(component.crds)
    wanted_kinds = component.kinds_in(version)
    crds, untaken = read_crds(documents, wanted_kinds)
    if missing := [str(kind) for kind in wanted_kinds if kind not in crds]:
        seen = "\n  ".join(untaken or ["no CRD at all"])
        raise CodegenError(f"no CRD for {', '.join(missing)}; {component.crds} has:\n  {seen}")
    prefixes = component.api_versions
    kinds = [_with_definition(crds[kind], prefixes[kind.api_version]) for kind in wanted_kinds]
    notes: list[str] = []
    if component.openapi is None:
        read = [source.read(component.names_from)] if component.names_from else []
        named = _named(component, kinds, others, read)
        if named.unused and version == component.versions[-1]:  # an older release may lack what newer ones name
            every = ", ".join(prefixes.values())
            problem = f"the pattern {named.unused[0]!r} of `names` matches no type of {every}"
            raise CodegenError(f"pyproject.toml: {problem}")
        names, merged = component.crds, named.definitions
        notes += named.unrecognised
    else:
        openapi = source.read(component.openapi)
        definitions = read_definitions(openapi, component.rename, {**(others[0] if others else {}), **ANY_OBJECT})
        names, read = openapi.name, [openapi]
        where = OpenApiPlaces(component.name, names, places(openapi, component.rename))
        merged = merge(definitions, where, [(str(crd.facts["definition"]), crd) for crd in kinds])
    wanted = [
        f"{prefixes[crd.name.api_version]}.{name}" for crd in kinds for name in (crd.kind, str(crd.facts["listKind"]))
    ]
    wanted += map(component.definition, component.extra)
    if version != component.versions[-1]:  # an older release may lack what is kept besides the kinds
        wanted = [name for name in wanted if name in merged or name not in map(component.definition, component.extra)]
    if unknown := [name for name in wanted if name not in merged]:
        raise SchemaError(names, ("components", "schemas"), f"no definition {unknown[0]!r}")
    pinned: Object = {
        "openapi": "3.0.3",
        "info": {"title": component.name, "version": version},
        "paths": {},
        "components": {"schemas": reachable(merged, wanted)},
        "x-kinds": [crd.facts for crd in kinds],
    }
    round_trip.check(component.name, f"the pin of {component.name} {version}", pinned, kinds)
    text = json.dumps(pinned, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    used = {crd.document for crd in kinds}
    documents = [*read, *(document for document in documents if document.name in used)]
    return BuiltPin(text.encode(), documents, [*notes, *untaken])


def _build_rest(component: Component, base: str, version: str, source: Source) -> BuiltPin:
    """Return the pin of one release of a REST API."""
    document = source.read(str(component.openapi))
    api = read_rest_api(document, base, component.definitions)
    pinned: Object = {
        "openapi": "3.0.3",
        "info": {"title": component.name, "version": version},
        "paths": api.paths,
        "components": {"schemas": api.definitions},
        "x-kinds": [],
    }
    check_valid(pinned, document.name)
    return BuiltPin((json.dumps(pinned, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode(), [document], [])


def _named(
    component: Component, kinds: Sequence[Crd], others: Sequence[Definitions] | None, documents: Sequence[Document]
) -> NamedTypes:
    """Return the definitions of a component that has CRDs only, made with the Kubernetes version that they were.

    That is the one of which the most types are recognised: the fewest are left that are the component's own.

    Raises:
        SchemaError: With every version two types come out with one name; this is of the newest.
    """
    made: list[NamedTypes] = []
    problems: list[SchemaError] = []
    for known in others or [{}]:
        upstream = UpstreamNames(documents[0] if documents else None, known)
        try:
            made.append(name_types(component.api_versions, kinds, known, component.names, upstream))
        except SchemaError as error:  # with another version, one of the two may be Kubernetes'
            problems.append(error)
    if not made:
        raise problems[0]
    return min(made, key=lambda named: named.own)


def _with_definition(crd: Crd, prefix: str) -> Crd:
    """Return `crd` with the name of its definition among its facts, as a pin has them."""
    return replace(crd, facts={**crd.facts, "definition": f"{prefix}.{crd.kind}"})


def same_types(component: Component, source: Source, others: Mapping[str, Source]) -> dict[str, dict[str, str]]:
    """Return the proof that other releases have the types of the pinned one: documents that are byte for byte the same.

    Raises:
        CodegenError: A release of `component.identical` is not in `others`, or its document differs.
    """
    proofs: dict[str, dict[str, str]] = {}
    for version, name in component.identical.items():
        if version not in others:
            raise CodegenError(
                f"{component.name} {version} is said to have the same types: give --identical {version}=FOLDER"
            )
        here, there = (
            {document.name: document.sha256 for document in each.glob(name)} for each in (source, others[version])
        )
        if here != there:
            differing = min(file for file, _ in here.items() ^ there.items())
            raise CodegenError(
                f"{differing} differs between the pinned release and {version}: pin {version} on its own"
            )
        proofs[version] = here
    return proofs


def pin(
    root: Path,
    component: Component,
    version: str,
    source: Source,
    commit: str | None,
    identical: Mapping[str, Source] | None = None,
) -> WrittenPin:
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
    patches = upstream_patches(root / "schemas", component.name, version)
    built = build(component, version, PatchedSource(source, patches), others(root / "schemas", component))
    read = {document.name for document in built.documents}
    if idle := [patch.place for patch in patches if patch.file not in read]:
        raise CodegenError(f"schemas/patches.toml: the patch at {idle[0]!r} is for a file that is not read; remove it")
    entry = lock.Pin(
        component=component.name,
        version=version,
        repository=component.repository,
        commit=commit,
        file=file,
        sha256=lock.sha256(built.content),
        sources={document.name: document.sha256 for document in built.documents},
        patches={patch.place: patch.effect for patch in patches},
        identical=same_types(component, source, identical or {}),
    )
    schemas = root / "schemas"
    pins = [other for other in lock.read(schemas) if other.file != file]
    text = lock.render([*pins, entry])
    target = schemas / file
    target.parent.mkdir(parents=True, exist_ok=True)
    _replace(target, built.content)
    _replace(schemas / "lock.toml", text.encode())
    return WrittenPin(target, built.notes)


def others(schemas: Path, component: Component) -> list[Definitions]:
    """Return the definitions of the pins of other components, in several states.

    In each state one pin has its definitions as it has them; all else is as in the newest file that has it. So there is
    a state for each version of Kubernetes that a pin was made with. The first is the newest.

    Raises:
        CodegenError: One of the pins differs from the lock, or is missing.
    """
    pins: list[Definitions] = []
    for entry in lock.read(schemas):
        if entry.component != component.name:
            content = parse_json(lock.content(schemas, entry), f"schemas/{entry.file}")
            document = cast("Mapping[str, Mapping[str, Definitions]]", content)
            pins.append(document["components"]["schemas"])
    newest = {name: node for pin in pins for name, node in pin.items()}
    states: list[Definitions] = [newest]
    for pin in reversed(pins):
        kubernetes = {name: node for name, node in pin.items() if name.startswith(KUBERNETES)}
        if all(any(state[name] != node for name, node in kubernetes.items()) for state in states):
            states.append({**newest, **pin})
    return states


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    os.replace(temporary, path)  # noqa: PTH105 - atomic on every platform, unlike rename
