"""Which of the user's own modules a piece of code imports. Found by reading, never by importing.

A module is the user's own when its file lies neither in the standard library nor among installed packages.
Packages installed in editable form are the user's own, too: the job's image has never heard of them.
"""

from __future__ import annotations

import ast
import functools
import importlib.machinery
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.packaging.errors import Finding
from kubeflow.packaging.source.parser import parse
from kubeflow.packaging.source.workspace import IgnoreRules

_SDK = frozenset({"kubeflow", "kubeflow_api"})


@dataclass(frozen=True, slots=True)
class Located:
    """A module of the user's. `path` is its file; None for a namespace package, which has none."""

    name: str
    path: Path | None
    is_package: bool
    extension: bool = False

    @property
    def shipped_as(self) -> str:
        """Where the job finds it, whatever the folders are called here."""
        base = self.name.replace(".", "/")
        return f"{base}/__init__.py" if self.is_package else f"{base}.py"


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a piece of source may import. `certain` is False inside `try` with a handler."""

    module: str
    line: int
    certain: bool


class ModuleGraph:
    """Collects the user's modules, from the ones that the job enters to all that they import."""

    def __init__(self, search: Iterable[Path] = ()) -> None:
        """`search` are folders to look in before `sys.path`, such as the one of a script."""
        self.shipped: dict[str, Located] = {}
        self.external: set[str] = set()
        self.findings: list[Finding] = []
        self._search = [*map(str, search), *_user_paths()]
        self._located: dict[str, Located | None] = {}
        self._rules: dict[Path, IgnoreRules] = {}

    def ship(self, name: str, *, needed_by: str = "") -> bool:
        """Ship module `name`, its parents and all that they import. Returns whether it is the user's own."""
        return self._visit([Import(name, 0, certain=True)], needed_by)

    def ship_imports(self, text: str, label: str, package: str = "") -> None:
        """Ship what a piece of source imports.

        Args:
            text: The source.
            label: Its name in findings.
            package: What relative imports are relative to.
        """
        self._visit(imports_of(text, package), label)

    def _visit(self, imports: Sequence[Import], label: str) -> bool:
        own = False
        pending = [(found, label) for found in imports]
        while pending:
            found, where = pending.pop()
            parts = found.module.split(".")
            for depth in range(1, len(parts) + 1):
                name = ".".join(parts[:depth])
                located = self.locate(name)
                if located is None:
                    if depth < len(parts) and self.locate(found.module) is not None:
                        continue  # its parents exist nowhere: they become namespace packages in the job
                    if depth == 1:
                        self.external.add(name)
                    break
                own = True
                if name not in self.shipped and self._may_ship(located, found, where):
                    self.shipped[name] = located
                    pending.extend(self._imports_of_file(located))
        return own

    def _imports_of_file(self, located: Located) -> list[tuple[Import, str]]:
        if located.path is None:
            return []
        label = _short(located.path)
        package = located.name if located.is_package else located.name.rpartition(".")[0]
        try:
            found = imports_of(located.path.read_bytes(), package, str(located.path))
        except (SyntaxError, ValueError) as error:
            where = f"{label}:{getattr(error, 'lineno', None) or 1}"
            self.findings.append(
                Finding(f"module {located.name}", f"its source does not parse: {error}", "Correct it", where)
            )
            return []
        return [(part, label) for part in found]

    def _may_ship(self, located: Located, found: Import, where: str) -> bool:
        place = f"{where}:{found.line}" if found.line else where
        if located.extension:
            if found.certain:
                self.findings.append(
                    Finding(
                        f"module {located.name}",
                        f"it is compiled ({located.path}) and may not run elsewhere",
                        "Install it in the image, or name its package in requirements",
                        place,
                    )
                )
            return False
        if located.path is None or not self._ignored(located.path):
            return True
        if found.certain:
            self.findings.append(
                Finding(
                    f"module {located.name}",
                    f"it is imported, but {_short(located.path)} is excluded by the ignore rules",
                    f"Write `!{located.path.name}` into .kubeflowignore beside it, or drop the import",
                    place,
                )
            )
        return False

    def _ignored(self, path: Path) -> bool:
        root = project_root(path)
        rules = self._rules.get(root)
        if rules is None:
            rules = self._rules[root] = IgnoreRules(root)
        return rules.ignores(path)

    def locate(self, name: str) -> Located | None:
        """Find a module of the user's by name, or None when it is installed, built in or nowhere."""
        if name not in self._located:
            self._located[name] = self._locate(name)
        return self._located[name]

    def _locate(self, name: str) -> Located | None:
        if name.partition(".")[0] in _SDK or name.partition(".")[0] in sys.stdlib_module_names:
            return None
        loaded = sys.modules.get(name)
        if loaded is not None and name != "__main__" and (found := _of_loaded(name, loaded)) is not None:
            return found if found.path is None or is_users(found.path) else None
        return self._by_path(name)

    def _by_path(self, name: str) -> Located | None:
        parent, _, _ = name.rpartition(".")
        paths: Sequence[str] | None = self._search
        if parent:
            folder = self._package_folder(parent)
            if folder is None:
                return None
            paths = folder
        # PathFinder reads directories; `importlib.util.find_spec` would import the parent package.
        spec = importlib.machinery.PathFinder.find_spec(name, paths)
        if spec is None:
            return None
        if spec.origin is None or spec.origin == "namespace":
            locations = list(spec.submodule_search_locations or ())
            users = [p for p in locations if is_users(Path(p))]
            return Located(name, None, is_package=True) if users else None
        if not is_users(Path(spec.origin)):
            return None
        extension = isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)
        return Located(name, Path(spec.origin), spec.submodule_search_locations is not None, extension)

    def _package_folder(self, name: str) -> list[str] | None:
        loaded = sys.modules.get(name)
        if loaded is not None and name != "__main__" and hasattr(loaded, "__path__"):
            return list(loaded.__path__)
        located = self.locate(name)
        if located is None or not located.is_package:
            return None
        if located.path is not None:
            return [str(located.path.parent)]
        outer, _, last = name.rpartition(".")
        folders = self._search if not outer else self._package_folder(outer) or []
        return [str(Path(folder, last)) for folder in folders]


def _of_loaded(name: str, module: object) -> Located | None:
    spec = getattr(module, "__spec__", None)
    file = getattr(module, "__file__", None)
    package = hasattr(module, "__path__")
    if file is None:
        if package and any(is_users(Path(p)) for p in getattr(module, "__path__", [])):
            return Located(name, None, is_package=True)
        return None
    path = Path(file)
    extension = isinstance(getattr(spec, "loader", None), importlib.machinery.ExtensionFileLoader)
    if not extension and path.suffix != ".py":
        return None
    return Located(name, path, package, extension)


def imports_of(text: str | bytes, package: str = "", filename: str = "<text>") -> list[Import]:
    """Return every module that the source may import, at any depth, also by a literal `import_module("...")`.

    Raises:
        SyntaxError: When the text does not parse.
    """
    tree = parse(text, filename)
    found = list(_imports(tree.body, package, certain=True))
    calls = ("import_module", "__import__")
    if any(call in text if isinstance(text, str) else call.encode() in text for call in calls):
        found += _called_imports(tree)
    return found


def _imports(body: Iterable[ast.AST], package: str, *, certain: bool) -> Iterator[Import]:
    """Walk statements only: imports are statements, and expressions are most of a tree."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, certain)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node.module or "", node.level, package)
            if base:
                yield Import(base, node.lineno, certain)
                for alias in node.names:
                    # May be a submodule or any other name: a name that is no module is not found, and that
                    # is all.
                    if alias.name != "*":
                        yield Import(f"{base}.{alias.name}", node.lineno, certain)
        else:
            inner = certain and not (isinstance(node, ast.Try) and node.handlers)
            for part in ("body", "orelse", "finalbody", "handlers", "cases"):
                if part == "body" and isinstance(node, ast.If) and _is_type_checking(node.test):
                    continue
                nested: Iterable[ast.AST] = getattr(node, part, ())
                yield from _imports(nested, package, certain=inner)


def _called_imports(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _names_import_module(node.func) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
                yield Import(first.value, node.lineno, certain=True)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _names_import_module(func: ast.expr) -> bool:
    return (isinstance(func, ast.Attribute) and func.attr == "import_module") or (
        isinstance(func, ast.Name) and func.id in ("import_module", "__import__")
    )


def absolute(module: str, level: int, package: str) -> str:
    """Return the absolute name of `from ...module import`, or "" when it leads out of the package."""
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level - 1 >= len(parts) + (0 if parts else 1):
        return ""
    base = ".".join(parts[: len(parts) - (level - 1)])
    return f"{base}.{module}".strip(".")


@functools.cache
def _installed_folders() -> tuple[Path, ...]:
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages()}
    found = {Path(p) for p in paths}
    return tuple(found | {p.resolve() for p in found})


@functools.cache
def _in_installed_folder(folder: Path) -> bool:
    if "site-packages" in folder.parts or "dist-packages" in folder.parts:
        return True
    return any(folder.is_relative_to(installed) for installed in _installed_folders())


def is_users(path: Path) -> bool:
    """Say whether a file belongs to the user rather than to the interpreter or an installed package."""
    return not _in_installed_folder(path.parent)


def _user_paths() -> list[str]:
    paths = [p or str(Path.cwd()) for p in sys.path]
    return [p for p in paths if Path(p).is_dir() and not _in_installed_folder(Path(p))]


@functools.cache
def project_root(path: Path) -> Path:
    """Return the folder whose ignore rules apply to a file: the nearest one above with `.git`, else its
    own.
    """
    for folder in path.parents:
        if (folder / ".git").exists():
            return folder
    for folder in path.parents:
        if (folder / ".kubeflowignore").exists() or (folder / ".gitignore").exists():
            return folder
    return path.parent


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # elsewhere, or the working directory has been deleted
        return str(path)
