"""The files of the generated package as text, by path: what the emitters make, and the `__init__.py` of each package.

An emitter is a function of a module of its own. To add one, write the module and add it to `EMITTERS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from codegen.emitters import availability, builders, clients, models, operation_methods, rules
from codegen.emitters.generated_module import EmitterInput, GeneratedModule

EMITTERS: Sequence[Callable[[EmitterInput], Iterable[GeneratedModule]]] = (
    models.emit,
    clients.emit,
    operation_methods.emit,
    availability.emit,
    builders.emit,
    rules.emit,
)


def render(source: EmitterInput) -> dict[str, str]:
    """Return the text of every file by its path below the package, not yet formatted."""
    files: dict[str, str] = {}
    exports: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for emit in EMITTERS:
        for module in emit(source):
            files[module.path] = module.text
            if module.exports:
                exports[module.package][module.file.removesuffix(".py")] = sorted(module.exports)
    for package, names in exports.items():
        title = f"Models and clients of `{package}`, loaded on first use."
        text = source.template("package.py.jinja", title=title, exports={name: names[name] for name in sorted(names)})
        files[f"{package.replace('.', '/')}/__init__.py"] = text
    for package in {parent for name in exports for parent in _parents(name)}:
        files[f"{package.replace('.', '/')}/__init__.py"] = f'"""API groups of `{package}`."""\n'
    files["__init__.py"] = source.template(
        "root.py.jinja",
        versions={pin.component.name: pin.component.versions[-1] for pin in source.pins},
        previews={kind.name: pin.preview for pin in source.pins for kind in pin.kinds if kind.preview},
    )
    header = source.template("header.jinja")
    return {path: header + text for path, text in files.items()} | {"py.typed": ""}


def _parents(package: str) -> list[str]:
    steps = package.split(".")[:-1]
    return [".".join(steps[: index + 1]) for index in range(len(steps))]
