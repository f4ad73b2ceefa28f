"""`python -m codegen generate`: from the pins to the package on disk. Reads only `schemas/`, `templates/` and the
configuration; needs no network; writes the same bytes every time.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import cast

from jinja2 import Environment

from codegen import availability, docs, lock, manifest, models, overlay, reference, templating
from codegen.builders import builders
from codegen.config import Component, Config
from codegen.docs import Descriptions
from codegen.docstrings import docstrings, summaries, update_docstrings
from codegen.errors import CodegenError
from codegen.jsontypes import Object, parse_json
from codegen.models import Kind
from codegen.naming import location, words
from codegen.patches import server_only
from codegen.rules import rules_of
from codegen.updates import SUFFIX, Updates, updates_of

LINE_LENGTH = 120
SHOWN = 10  # findings about descriptions, after a generation
TOOLS = ("datamodel-code-generator", "ruff")  # both pinned exactly in pyproject.toml


@dataclass(frozen=True, slots=True)
class _Pinned:
    component: Component
    name: str
    definitions: Mapping[str, Object]
    kinds: list[Kind]


def generate(root: Path, config: Config, out: Path | None = None) -> str:
    """Write the generated tree and return a line that says what was written.

    Args:
        root: Of the checkout.
        out: Folder to write to; default `generated/` of the checkout. What stood there before is removed.

    Raises:
        CodegenError: A pin is missing, differs from the lock, or cannot be rendered; nothing is written then.
    """
    target = out or root / "generated"
    overlay.check_components(root / "schemas", config.components)
    pins = [_load(root, config, component) for component in config.components.values()]
    definitions = _together(config, pins)
    descriptions = docs.describe(root / "schemas", config, definitions)
    files = _render(root, config, pins, definitions, descriptions)
    pages = reference.pages(root, config, _roots(pins), definitions, descriptions)
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / config.package
        _write(package, files)
        _format(package)
        record = manifest.Manifest(
            configuration=config.digest,
            inputs=manifest.inputs(root, config),
            outputs=manifest.tree(Path(folder)),
            tools={name: installed(name) for name in TOOLS},
            pages={path: lock.sha256(text.encode()) for path, text in pages.items()},
            undescribed=descriptions.findings,
        )
        (Path(folder) / manifest.NAME).write_text(record.render(), "utf-8")
        _replace(Path(folder), target, config.package)
    if out is None:
        reference.write(root, pages)
    classes = sum(text.count("\nclass ") for text in files.values())
    summary = f"{target}: {len(record.outputs)} files, {classes} classes from {', '.join(pin.name for pin in pins)}"
    return "\n".join([summary, *_first(descriptions.findings)])


def write_reference(root: Path, config: Config) -> str:
    """Write `docs/reference/` alone and return a line that says what was written.

    Raises:
        CodegenError: A pin is missing or differs from the lock, or a description is malformed.
    """
    pins = [_load(root, config, component) for component in config.components.values()]
    definitions = _together(config, pins)
    descriptions = docs.describe(root / "schemas", config, definitions)
    pages = reference.pages(root, config, _roots(pins), definitions, descriptions)
    reference.write(root, pages)
    return "\n".join([f"{root / reference.FOLDER}: {len(pages)} pages", *_first(descriptions.findings)])


def _first(findings: Sequence[str]) -> list[str]:
    """Return as much of what descriptions lack as helps; a component without any has hundreds of findings."""
    more = len(findings) - SHOWN
    return [*findings[:SHOWN], *([f"... and {more} more, which `verify` lists"] if more > 0 else [])]


def _roots(pins: list[_Pinned]) -> list[reference.Root]:
    """Return what gets a page of the reference: every kind, then what else a component keeps."""
    return [
        reference.Root(pin.component.definition(name), f"{pin.component.name} {pin.component.versions[-1]}", kind)
        for pin in pins
        for name, kind in [*((kind.name, kind) for kind in pin.kinds), *((name, None) for name in pin.component.extra)]
    ]


def _load(root: Path, config: Config, component: Component) -> _Pinned:
    file = manifest.newest(component)
    entry = next((pin for pin in lock.read(root / "schemas") if pin.file == file), None)
    if entry is None:
        raise CodegenError(
            f"{component.name} {component.versions[-1]} is not pinned: run "
            f"`python -m codegen pin {component.name} {component.versions[-1]} --from FOLDER`"
        )
    schemas = root / "schemas"
    content = (schemas / file).read_bytes()
    if lock.sha256(content) != entry.sha256:
        raise CodegenError(f"schemas/{file} differs from its hash in lock.toml; pin it again")
    document = cast("dict[str, dict[str, Mapping[str, Object]]]", parse_json(content, file))
    kinds = models.kinds_of(config, component.definitions, cast("Iterable[Object]", document["x-kinds"]))
    patches = overlay.of_component(schemas, component.name)
    return _Pinned(component, file, overlay.apply(document["components"]["schemas"], patches), kinds)


def _render(
    root: Path, config: Config, pins: list[_Pinned], definitions: Mapping[str, Object], descriptions: Descriptions
) -> dict[str, str]:
    """Return the text of every file by its path below the package, not yet formatted."""
    environment = templating.environment(root)
    kinds = [kind for pin in pins for kind in pin.kinds]
    sources = [f"schemas/{pin.name}" for pin in pins]
    updates = updates_of(definitions, [kind.definition for kind in kinds])
    modelled = {**definitions, **updates.definitions}
    texts = {name: docstrings(name, node, descriptions) for name, node in definitions.items()}
    texts |= {
        name: update_docstrings(origin, definitions[origin], updates.definitions[name], descriptions)
        for name, origin in updates.origins.items()
    }
    files = models.render(config, sources[0], modelled, kinds, texts, root / "templates" / "models")
    exports = _exports(config, modelled)
    for package, group in _by_package(kinds).items():
        files[f"{package.replace('.', '/')}/client.py"] = environment.get_template("client.py.jinja").render(
            api_version=group[0].api_version, kinds=[_client_facts(kind, updates) for kind in group]
        )
        exports[package]["client"] = sorted(["Client", *(f"{kind.name}s" for kind in group)])
    for component in config.components.values():
        if len(component.versions) > 1:
            package = config.modules[component.definitions]
            files[f"{package.replace('.', '/')}/availability.py"] = _availability(root, component, environment)
            exports[package]["availability"] = ["check"]
    said = {name: summaries(name, descriptions) for name in definitions}
    for package, module in builders(config, definitions, kinds, said).items():
        place = f"{package.replace('.', '/')}/builders"
        for suffix in ("py", "pyi"):
            template = environment.get_template(f"builders.{suffix}.jinja")
            files[f"{place}.{suffix}"] = template.render(root=config.package, package=package, module=module)
        if module.kinds:
            exports[package]["builders"] = sorted(builder.name for _, builder in module.kinds)
    environment.filters["literal"] = ascii  # what is text to a schema is text to Python
    listed = server_only(root / "schemas", {pin.component.name: pin.definitions.values() for pin in pins})
    for pin in pins:
        own = [entry for entry in listed if entry.component == pin.component.name]
        for package, group in _by_package(pin.kinds).items():
            rules = rules_of(f"schemas/{pin.name}", pin.definitions, [kind.definition for kind in group], own)
            files[f"{package.replace('.', '/')}/rules.py"] = environment.get_template("rules.py.jinja").render(
                api_version=group[0].api_version, kinds=group, rules=rules
            )
            exports[package]["rules"] = ["validate_rules"]
    package_template = environment.get_template("package.py.jinja")
    for package, names in exports.items():
        title = f"Models and clients of `{package}`, loaded on first use."
        files[f"{package.replace('.', '/')}/__init__.py"] = package_template.render(
            title=title, exports={module: sorted(names[module]) for module in sorted(names)}
        )
    for package in {parent for name in exports for parent in _parents(name)}:
        files[f"{package.replace('.', '/')}/__init__.py"] = f'"""API groups of `{package}`."""\n'
    versions = {pin.component.name: pin.component.versions[-1] for pin in pins}
    files["__init__.py"] = environment.get_template("root.py.jinja").render(versions=versions)
    header = environment.get_template("header.jinja").render(sources=sources)
    return {path: header + text for path, text in files.items()} | {"py.typed": ""}


def _availability(root: Path, component: Component, environment: Environment) -> str:
    return environment.get_template("availability.py.jinja").render(
        component=component.name,
        minors=availability.minors(component),
        groups=availability.grouped(availability.load(root, component)),
    )


def _together(config: Config, pins: list[_Pinned]) -> dict[str, Object]:
    """Return the definitions of all pins. Shared ones come from the component that stands first.

    Raises:
        CodegenError: Two components define one name; or a shared definition has fields that the first one lacks, so
            that it cannot stand for both.
    """
    result: dict[str, Object] = {}
    for pin in pins:
        for name, node in pin.definitions.items():
            known = result.setdefault(name, node)
            if known == node:
                continue
            if not name.startswith(config.shared):
                raise CodegenError(f"schemas/{pin.name}: {name} is also defined by another component")
            fields = [cast("Mapping[str, object]", each.get("properties", {})).keys() for each in (known, node)]
            if missing := fields[1] - fields[0]:
                raise CodegenError(
                    f"schemas/{pin.name}: {name} has {min(missing)!r}, which it lacks in the component before it; "
                    "put the component with the newer Kubernetes types first"
                )
    return result


def _exports(config: Config, definitions: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    result: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"models": []})
    for name in definitions:
        if name not in config.types:
            package, class_name = location(config, name)
            result[package]["models"].append(class_name)
    return result


def _by_package(kinds: Iterable[Kind]) -> dict[str, list[Kind]]:
    result: dict[str, list[Kind]] = defaultdict(list)
    for kind in kinds:
        result[kind.package].append(kind)
    return result


def _client_facts(kind: Kind, updates: Updates) -> dict[str, object]:
    return {
        "name": kind.name,
        "plural": kind.plural,
        "namespaced": kind.namespaced,
        "status": kind.status,
        "change": f"{kind.name}{SUFFIX}" if kind.definition in updates.kinds else None,
        "resource": f"{kind.name}s",
        "attribute": f"{words(kind.name)}s",
    }


def _parents(package: str) -> list[str]:
    steps = package.split(".")[:-1]
    return [".".join(steps[: index + 1]) for index in range(len(steps))]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _format(folder: Path) -> None:
    """Sort and prune the imports, then format: the templates need not care about either."""
    import ruff

    first_party = 'lint.isort.known-first-party=["kubeflow"]'
    line_length = f"line-length={LINE_LENGTH}"
    commands = (
        ["check", "--select", "F401,I,UP037", "--fix", "--quiet", "--config", first_party],
        ["format", "--quiet"],
    )
    for command in commands:
        arguments = [ruff.find_ruff_bin(), *command, "--isolated", "--no-cache", "--target-version", "py311"]
        result = subprocess.run(
            [*arguments, "--config", line_length, str(folder)], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise CodegenError(f"ruff {command[0]} refuses what was generated:\n{result.stdout}{result.stderr}")


def _replace(fresh: Path, target: Path, package: str) -> None:
    """Put the fresh tree in the place of the old one; files that are no longer generated go with it."""
    target.mkdir(parents=True, exist_ok=True)
    retired = target / f".{package}.old"
    shutil.rmtree(retired, ignore_errors=True)
    if (target / package).exists():
        (target / package).rename(retired)
    shutil.copytree(fresh / package, target / package)
    shutil.copyfile(fresh / manifest.NAME, target / manifest.NAME)
    shutil.rmtree(retired, ignore_errors=True)
