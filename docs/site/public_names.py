"""The public names of the packages, read from their text: what `__all__` lists, where it is defined, what it is for.

Nothing is imported: names of libraries that are not installed (kfp's) are read as the others are.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.site.navigation import ROOT

SOURCES = {"kubeflow": ROOT, "kubeflow_api": ROOT / "generated"}
"""Packages, and the folders that they lie in."""
ALSO_PUBLIC = (
    "kubeflow.core.builder",
    "kubeflow.core.errors",
    "kubeflow.core.int_or_string",
    "kubeflow.core.model",
    "kubeflow.core.quantity",
    "kubeflow.core.resource",
    "kubeflow.kserve.options",
)
"""Modules that users import from, beside the packages with an `__all__`: what generated classes stand on, for one."""
PATHS_OF_PUBLISHED = (
    "kubeflow.common.types",
    "kubeflow.trainer.options.common",
    "kubeflow.trainer.options.kubernetes",
    "kubeflow.trainer.types.types",
)
"""Modules that keep the import paths of the published package."""


@dataclass(frozen=True)
class PublicName:
    """A name that users import.

    Attributes:
        package: What it is imported from.
        name: It.
        home: The module that defines it; empty for a name of another library.
        origin: What it is called there.
        what: `"class"`, `"function"`, `"module"` or `"value"`.
        summary: First sentence of its docstring; empty where it has none.
    """

    package: str
    name: str
    home: str
    origin: str
    what: str
    summary: str


@cache
def public_packages() -> tuple[str, ...]:
    """Return the packages that export names, and the modules of `ALSO_PUBLIC`."""
    exporting = {module for module in modules() if file_of(module).name == "__init__.py" and exported(module)}
    return tuple(sorted(exporting | set(ALSO_PUBLIC)))


@cache
def modules() -> tuple[str, ...]:
    """Return all modules whose path has no private part."""
    result: list[str] = []
    for package, folder in SOURCES.items():
        for file in (folder / package).rglob("*.py"):
            parts = file.relative_to(folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(part.startswith("_") for part in parts):
                result.append(".".join(parts))
    return tuple(sorted(result))


@cache
def names_of(package: str) -> tuple[PublicName, ...]:
    """Return the public names of a package or module."""
    names = exported(package) or tuple(name for name in _defined(package) if not name.startswith("_"))
    return tuple(_public_name(package, name) for name in names)


def exported(module: str) -> tuple[str, ...]:
    """Return the `__all__` of a module; nothing where it has none."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return tuple(ast.literal_eval(node.value))
    return ()


def definition(module: str, name: str) -> tuple[str, str]:
    """Return the module that defines a name of `module`, and its name there; no module for another library's."""
    while (source := _imports(module).get(name)) is not None:
        module, name = source
        if module.partition(".")[0] not in SOURCES:
            return "", name
    return module, name


def _public_name(package: str, name: str) -> PublicName:
    as_module = ".".join(_imports(package).get(name, ()))
    if as_module in modules():
        about = ast.get_docstring(_tree(as_module)) or ""
        return PublicName(package, name, as_module, "", "module", first_sentence(about))
    home, origin = definition(package, name)
    node = _defined(home).get(origin) if home else None
    if node is None:
        return PublicName(package, name, "", origin, "value", "")
    what = "class" if isinstance(node, ast.ClassDef) else "function" if isinstance(node, ast.FunctionDef) else "value"
    return PublicName(package, name, home, origin, what, first_sentence(_docstring(home, node)))


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    head, dot, _ = paragraph.partition(". ")
    return head + dot.strip()


def _docstring(module: str, node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.get_docstring(node) or ""
    statements = _statements(_tree(module).body)
    follower = statements[statements.index(node) + 1 :][:1]
    if follower and isinstance(follower[0], ast.Expr) and isinstance(follower[0].value, ast.Constant):
        return str(follower[0].value.value)
    return ""


@cache
def _defined(module: str) -> dict[str, ast.stmt]:
    """Return the statements that define names of a module, by name."""
    defined: dict[str, ast.stmt] = {}
    for node in _statements(_tree(module).body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            defined[node.name] = node
        elif isinstance(node, ast.Assign):
            defined |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined[node.target.id] = node
    return defined


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    """Return what a module imports by `from`: name -> module and name there."""
    found: dict[str, tuple[str, str]] = {}
    package = module if file_of(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(_tree(module).body):
        if isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            found |= {alias.asname or alias.name: (source, alias.name) for alias in node.names}
    return found


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements with those that stand under `if TYPE_CHECKING` and the like."""
    flat: list[ast.stmt] = []
    for node in body:
        flat.append(node)
        if isinstance(node, ast.If):
            flat += _statements(node.body) + _statements(node.orelse)
    return flat


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(file_of(module).read_text("utf-8"))


def file_of(module: str) -> Path:
    """Return the file of a module."""
    place = SOURCES[module.partition(".")[0]].joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
