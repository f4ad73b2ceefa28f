"""The files of the generated package as text, by path: models, clients, builders, rules, availability, exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment

from codegen import templating
from codegen.config import Component, Config
from codegen.descriptions.docstrings import docstrings, summaries, update_docstrings
from codegen.descriptions.texts import Descriptions
from codegen.emitters import models
from codegen.emitters.builders import builders
from codegen.emitters.rules import rules_of
from codegen.emitters.update_types import SUFFIX, Updates, updates_of
from codegen.minors import field_table
from codegen.pins.newest import NewestPin
from codegen.pins.server_only import server_only
from codegen.schema.jsontypes import Object
from codegen.schema.kinds import Kind
from codegen.schema.naming import location, words


def render(
    root: Path, config: Config, pins: list[NewestPin], definitions: Mapping[str, Object], descriptions: Descriptions
) -> dict[str, str]:
    """Return the text of every file by its path below the package, not yet formatted."""
    environment = templating.environment(root)
    kinds = [kind for pin in pins for kind in pin.kinds]
    updates = updates_of(definitions, [kind.definition for kind in kinds])
    modelled = {**definitions, **updates.definitions}
    previews = {name: pin.preview for pin in pins for name in pin.previewed}
    texts = {name: docstrings(name, node, descriptions, previews.get(name)) for name, node in definitions.items()}
    texts |= {
        name: update_docstrings(origin, definitions[origin], updates.definitions[name], descriptions)
        for name, origin in updates.origins.items()
    }
    # What several components bring comes from the one that stands first.
    documents = {name: pin.document(name) for pin in reversed(pins) for name in pin.definitions}
    documents |= {name: documents[origin] for name, origin in updates.origins.items()}
    files = models.render(config, documents, modelled, kinds, texts, root / "templates" / "models")
    exports = _exports(config, modelled)
    for package, group in _by_package(kinds).items():
        files[f"{package.replace('.', '/')}/client.py"] = environment.get_template("client.py.jinja").render(
            api_version=group[0].api_version, kinds=[_client_facts(kind, updates) for kind in group]
        )
        exports[package]["client"] = sorted(["Client", *(f"{kind.name}s" for kind in group)])
    for component in config.components.values():
        for package, text in _availability(root, config, component, environment).items():
            files[f"{package.replace('.', '/')}/availability.py"] = text
            exports[package]["availability"] = ["check"]
    field_docstrings = {name: summaries(name, descriptions) for name in definitions}
    for package, module in builders(config, definitions, kinds, field_docstrings).items():
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
            rules = rules_of(f"schemas/{pin.file}", pin.definitions, [kind.definition for kind in group], own)
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
    files["__init__.py"] = environment.get_template("root.py.jinja").render(
        versions={pin.component.name: pin.component.versions[-1] for pin in pins},
        previews={kind.name: pin.preview for pin in pins for kind in pin.kinds if kind.preview},
    )
    header = environment.get_template("header.jinja").render()
    return {path: header + text for path, text in files.items()} | {"py.typed": ""}


def _availability(root: Path, config: Config, component: Component, environment: Environment) -> dict[str, str]:
    """Return the module with the tables of each package with kinds of `component`; none where it has one minor."""
    if len(component.pinned) < 2:
        return {}
    found = field_table.load(root, component)
    result: dict[str, str] = {}
    for api_version, prefix in component.api_versions.items():
        if tables := field_table.of_version(found, component, api_version):
            result[config.modules[prefix]] = environment.get_template("availability.py.jinja").render(
                component=component.title,
                minors=field_table.minors(component),
                preview=field_table.preview(component),
                groups=field_table.grouped(tables),
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
