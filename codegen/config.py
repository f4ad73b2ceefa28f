"""The table `[tool.codegen]` of pyproject.toml: components, versions, kinds, modules, hand-written types.

Standard library only: `verify` reads it too.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from codegen.errors import CodegenError


@dataclass(frozen=True, slots=True)
class KindName:
    """A kind as the API server names it, such as TrainJob of trainer.kubeflow.org/v1alpha1."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}"

    def __str__(self) -> str:
        return f"{self.kind} of {self.api_version}"


@dataclass(frozen=True, slots=True)
class Component:
    """One control plane: where its documents lie, which kinds are taken from them, in which versions.

    Attributes:
        versions: Pinned releases such as `v2.3.0`, oldest first; models come from the last.
        preview: A pinned state before the release of a newer minor. Kinds that came with it get models, marked as
            preview; all others stay those of the last of `versions`.
        openapi: Path of the OpenAPI document below the source; None when the CRDs are all there is.
        crds: Glob of the CRD documents below the source.
        group: API group of the kinds that are named without one.
        version: API version of the kinds that are named without one.
        definitions: Prefix of the definitions of `group` and `version`, without the final dot.
        further: Other group and version, such as `serving.kserve.io/v1alpha1` -> prefix of its definitions.
        kinds: As they are written: `Name`, or `group/version/Name` for another group or version.
        since: A kind as it is written in `kinds` -> the first minor that is pinned with it, such as `v2.4`.
        unpinned_since: Of those, the kinds that earlier minors have as well, without being pinned with them -> the
            first minor that has it.
        extra: Further definitions to keep, by their name after `definitions`, such as request bodies.
        rename: Prefix of definitions upstream -> the prefix that a pin gives them.
        names: Pattern of places in the CRDs, such as `Robot.spec.*.arms[]` -> the name of the types there. Only for a
            component without `openapi`. `io.k8s.api.core.v1.PodSpec` names what is not quite Kubernetes' type after it,
            and the types below as they are there.
        names_from: Path of an OpenAPI document that has names of types, and is used for nothing else; for a component
            without `openapi`.
        rest: Path below which the component serves a REST API, such as `/api/robots/v1`, for a component without CRDs:
            its operations are taken from `openapi`. It has neither kinds, group nor version.
        shown: Name as people write it, where it is not `name` with a capital.
        identical: Release that has the same types as the pinned one -> glob of the documents that prove it.
    """

    name: str
    repository: str
    versions: tuple[str, ...]
    openapi: str | None
    crds: str
    group: str
    version: str
    definitions: str
    kinds: tuple[str, ...]
    extra: tuple[str, ...]
    rename: Mapping[str, str]
    identical: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    further: Mapping[str, str] = field(default_factory=dict[str, str])
    since: Mapping[str, str] = field(default_factory=dict[str, str])
    unpinned_since: Mapping[str, str] = field(default_factory=dict[str, str])
    names_from: str | None = None
    preview: str | None = None
    shown: str | None = None
    rest: str | None = None

    @property
    def title(self) -> str:
        """The component as people call it, such as `Trainer`."""
        return self.shown or self.name.capitalize()

    @property
    def pinned(self) -> tuple[str, ...]:
        """All pinned releases, oldest first, the preview included."""
        return (*self.versions, *([self.preview] if self.preview else ()))

    @property
    def api_versions(self) -> Mapping[str, str]:
        """Group and version -> prefix of its definitions, the component's own first; none for a REST API."""
        return {} if self.rest else {f"{self.group}/{self.version}": self.definitions, **self.further}

    def kind_name(self, written: str) -> KindName:
        """Return the kind that an entry of `kinds` means."""
        group, _, rest = written.rpartition("/")[0].partition("/")
        return KindName(group or self.group, rest or self.version, written.rpartition("/")[2])

    def kinds_in(self, release: str) -> tuple[KindName, ...]:
        """Return the kinds that a release has, in the order of `kinds`."""
        first = {written: numeric(since) for written, since in self.since.items()}
        has = numeric(minor(release))
        return tuple(self.kind_name(written) for written in self.kinds if first.get(written, has) <= has)

    def written(self, kind: KindName) -> str:
        """Return a kind as `kinds` has it; no other kind of the component is written so."""
        own = (kind.group, kind.version) == (self.group, self.version)
        return kind.kind if own else f"{kind.api_version}/{kind.kind}"

    def definition(self, name: str) -> str:
        """Return the full definition name of this group's type `name`."""
        return f"{self.definitions}.{name}"

    def pin_file(self, version: str) -> str:
        """Return the path of the pin of `version` below `schemas/`: `trainer/v2.3.json`."""
        return f"{self.name}/{minor(version)}.json"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole `[tool.codegen]` table.

    Attributes:
        package: Import name of the generated package.
        components: By name.
        modules: Definition prefix -> dotted package below `package`.
        types: Definition -> dotted name of the hand-written type that stands for it.
        shared: Prefixes of definitions that several components bring, each in the version it was built with; the
            component that stands first provides them.
        digest: SHA-256 over the table; part of what the generated tree was made from.
    """

    package: str
    components: Mapping[str, Component]
    modules: Mapping[str, str]
    types: Mapping[str, str]
    shared: tuple[str, ...]
    digest: str

    def component(self, name: str) -> Component:
        """Return the component `name`.

        Raises:
            CodegenError: There is none; lists those that exist.
        """
        try:
            return self.components[name]
        except KeyError:
            names = ", ".join(sorted(self.components))
            raise CodegenError(f"unknown component {name!r}; pyproject.toml has: {names}") from None


def minor(version: str) -> str:
    """Return the minor of a release tag: `v2.3` for `v2.3.0`.

    Raises:
        CodegenError: `version` is not of the form `vMAJOR.MINOR.PATCH`.
    """
    parts = version.removeprefix("v").split(".")
    if not version.startswith("v") or len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise CodegenError(f"a version is written like 'v2.3.0', not {version!r}")
    return "v" + ".".join(parts[:2])


def numeric(version: str) -> list[int]:
    """Return the numbers of a release tag, to sort by: `v2.10.0` comes after `v2.9.1`."""
    return [int(part) for part in version.removeprefix("v").split(".")]


def load(root: Path) -> Config:
    """Read the configuration of the checkout at `root`.

    Raises:
        CodegenError: A key is missing, unknown or of the wrong type.
    """
    path = root / "pyproject.toml"
    table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("codegen")
    if not isinstance(table, dict):
        raise CodegenError(f"{path}: no [tool.codegen] table")
    table = cast("dict[str, object]", table)
    reader = _TomlTable("tool.codegen", table)
    components = {
        name: _component(name, _TomlTable(f"tool.codegen.components.{name}", reader.table_of(value)))
        for name, value in reader.table("components").items()
    }
    modules = reader.strings_by_name("modules")
    types = reader.strings_by_name("types")
    shared = reader.strings("shared", default=())
    package = reader.string("package")
    reader.finish()
    canonical = json.dumps(table, sort_keys=True, ensure_ascii=True).encode()
    return Config(package, components, modules, types, shared, hashlib.sha256(canonical).hexdigest())


def _component(name: str, reader: _TomlTable) -> Component:
    rest = reader.optional("rest")
    if rest is not None:
        return _rest_component(name, reader, rest)
    component = Component(
        name=name,
        repository=reader.string("repository"),
        versions=reader.strings("versions"),
        openapi=reader.optional("openapi"),
        crds=reader.string("crds"),
        group=reader.string("group"),
        version=reader.string("version"),
        definitions=reader.string("definitions"),
        kinds=reader.strings("kinds"),
        extra=reader.strings("extra", default=()),
        rename=reader.strings_by_name("rename", default={}),
        names=reader.strings_by_name("names", default={}),
        unpinned_since=reader.strings_by_name("unpinned_since", default={}),
        names_from=reader.optional("names_from"),
        identical=reader.strings_by_name("identical", default={}),
        further=reader.strings_by_name("further", default={}),
        since=reader.strings_by_name("since", default={}),
        preview=reader.optional("preview"),
        shown=reader.optional("title"),
    )
    reader.finish()
    if component.openapi and component.names_from:
        raise CodegenError(
            f"pyproject.toml: tool.codegen.components.{name}: `openapi` has the names; drop `names_from`"
        )
    for version in component.pinned:
        minor(version)
    _check_kinds(component)
    return component


def _rest_component(name: str, reader: _TomlTable, rest: str) -> Component:
    where = f"pyproject.toml: tool.codegen.components.{name}"
    component = Component(
        name=name,
        repository=reader.string("repository"),
        versions=reader.strings("versions"),
        openapi=reader.string("openapi"),
        crds="",
        group="",
        version="",
        definitions=reader.string("definitions"),
        kinds=(),
        extra=(),
        rename={},
        identical=reader.strings_by_name("identical", default={}),
        shown=reader.optional("title"),
        rest=rest,
    )
    reader.finish()
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", rest):
        raise CodegenError(f"{where}.rest: a path is written like '/api/robots/v1', not {rest!r}")
    if not component.versions:
        raise CodegenError(f"{where}.versions: name one release at least")
    for version in component.pinned:
        minor(version)
    return component


def _check_kinds(component: Component) -> None:
    """Refuse kinds of no known group and version, and first minors of no kind or no kind's form."""
    where = f"pyproject.toml: tool.codegen.components.{component.name}"
    for written in component.kinds:
        if written.count("/") not in (0, 2) or not all(written.split("/")):
            raise CodegenError(f"{where}.kinds: {written!r} is neither 'Name' nor 'group/version/Name'")
        kind = component.kind_name(written)
        if component.written(kind) != written:
            raise CodegenError(f"{where}.kinds: {written!r} is of the component's own version; write {kind.kind!r}")
        if kind.api_version not in component.api_versions:
            raise CodegenError(
                f"{where}.further: no entry for {kind.api_version} of {written!r}; add the prefix of its definitions, "
                f'such as "{kind.api_version}" = "{component.definitions.partition(".")[0]}.{kind.version}"'
            )
    for written, first in component.since.items():
        if written not in component.kinds:
            raise CodegenError(f"{where}.since: {written!r} is not written so in `kinds`: {', '.join(component.kinds)}")
        if not re.fullmatch(r"v\d+\.\d+", first):
            raise CodegenError(f"{where}.since: a minor is written like 'v2.4', not {first!r}")
        if all(numeric(minor(release)) < numeric(first) for release in component.pinned):
            raise CodegenError(f"{where}.since: no pinned release has {written!r}, which came with {first}")
    for written, first in component.unpinned_since.items():
        if not re.fullmatch(r"v\d+\.\d+", first):
            raise CodegenError(f"{where}.unpinned_since: a minor is written like 'v2.4', not {first!r}")
        if written not in component.since or numeric(first) >= numeric(component.since[written]):
            raise CodegenError(f"{where}.unpinned_since: `since` has no later minor of {written!r}")
    if component.preview and numeric(minor(component.preview)) <= numeric(minor(component.versions[-1])):
        raise CodegenError(f"{where}.preview: {component.preview} is not newer than {component.versions[-1]}")


def _string(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise CodegenError(f"pyproject.toml: {where} must be a non-empty string")
    return value


class _TomlTable:
    """Reads one TOML table; `finish` refuses the keys that nobody asked for."""

    def __init__(self, where: str, values: dict[str, object]) -> None:
        self._where = where
        self._left = dict(values)

    def string(self, key: str) -> str:
        return _string(f"{self._where}.{key}", self._left.pop(key, None))

    def optional(self, key: str) -> str | None:
        return self.string(key) if key in self._left else None

    def strings(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._left.pop(key, default)
        where = f"{self._where}.{key}"
        if not isinstance(value, list | tuple):
            raise CodegenError(f"pyproject.toml: {where} must be a list of strings")
        return tuple(_string(where, item) for item in cast("list[object]", value))

    def strings_by_name(self, key: str, default: dict[str, object] | None = None) -> dict[str, str]:
        values = self.table_of(self._left.pop(key, default), key)
        return {name: _string(f"{self._where}.{key}.{name}", value) for name, value in values.items()}

    def table(self, key: str) -> dict[str, object]:
        return self.table_of(self._left.pop(key, None), key)

    def table_of(self, value: object, key: str = "") -> dict[str, object]:
        if not isinstance(value, dict):
            raise CodegenError(f"pyproject.toml: {self._where}{'.' if key else ''}{key} must be a table")
        return cast("dict[str, object]", value)

    def finish(self) -> None:
        if self._left:
            raise CodegenError(f"pyproject.toml: {self._where} has unknown keys: {', '.join(sorted(self._left))}")
