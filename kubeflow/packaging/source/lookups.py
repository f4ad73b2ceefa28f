"""What code looks up at run time: modules by a computed name, files beside a module, resources of a package."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from dataclasses import dataclass, field

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.source.imports import Import, absolute
from kubeflow.packaging.source.known_text import BESIDE, HOLE, KnownText

_SIGNS = re.compile(
    rb"import_module|__import__|__file__|__path__|resources|pkgutil|get_data|metadata|entry_points|pkg_resources"
    rb"|_target_|locate|find_spec|spec_from_file_location|run_module"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_OF_RESOURCES = frozenset({"read_text", "read_binary", "open_text", "open_binary", "path", "is_resource", "get_data",
                           "resource_filename", "resource_string", "resource_stream", "resource_exists"})  # fmt: skip
_LISTS = frozenset({"listdir", "scandir", "walk", "iter_modules", "walk_packages", "iterdir", "glob", "rglob"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Files that code names by path.

    `path` is absolute, and `HOLE`, `*` and `**` in it stand for what is known only at run time. `is_read` is True when
    the path is handed to a call that reads.
    """

    path: str
    line: int
    is_read: bool = False

    @property
    def is_pattern(self) -> bool:
        """True when several files may be meant."""
        return HOLE in self.path or "*" in self.path


@dataclass(slots=True)
class Lookups:
    """What one piece of source looks up at run time.

    Attributes:
        imports: Modules by name, from `import_module("a.b")`.
        packages: Packages that are needed as a whole: `import_module(f"plugins.{name}")`.
        words: What may be names of modules, when the source imports modules whose names it takes from elsewhere.
        computed: True when the source imports a module of which nothing is known.
        files: What is read.
        texts: The strings of a source that asks for the metadata of installed packages.
    """

    imports: list[Import] = field(default_factory=list[Import])
    packages: set[str] = field(default_factory=set[str])
    words: set[str] = field(default_factory=set[str])
    computed: bool = False
    files: list[Wanted] = field(default_factory=list[Wanted])
    texts: set[str] = field(default_factory=set[str])


def lookups(
    tree: ast.Module, text: bytes, name: str, package: str, file: str, folder_of: Callable[[str], str | None]
) -> Lookups:
    """Return what a piece of source looks up at run time.

    Args:
        tree: The parsed source.
        text: The source.
        name: Its module's name.
        package: The package that relative names are relative to.
        file: The path of its file; "" when it has none, such as a notebook's.
        folder_of: Gives the folder of a package of the user's by name, or None.
    """
    found = Lookups()
    if not _SIGNS.search(text):
        return found
    names = {"__name__": name, "__package__": package} | ({"__file__": BESIDE + file} if file else {})

    def beside(name: str) -> str | None:
        folder = folder_of(name)
        return folder and BESIDE + folder

    known = KnownText(tree, names, beside)
    inside: set[ast.AST] = set()  # parts of expressions that stand for a path as a whole
    readings: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _call(node, known, package, found)
            readings.update(_read_by(node))
        if isinstance(node, ast.Attribute) and node.attr == "__path__" and (module := known.module(node.value)):
            found.packages.add(_absolute(module, package))
        if isinstance(node, ast.expr) and node not in inside:
            _path(node, known, found, inside, is_read=node in readings)
    if found.computed or b"_target_" in text or b"locate" in text:
        found.words |= set(filter(_DOTTED.fullmatch, _strings(tree)))
    if any(sign in text for sign in (b"metadata", b"entry_points", b"pkg_resources")):
        found.texts |= _strings(tree)
    return found


def _strings(tree: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def _call(node: ast.Call, known: KnownText, package: str, found: Lookups) -> None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in ("import_module", "__import__", "find_spec", "run_module") and node.args:
        _import(node, known, package, found)
    elif name in _OF_RESOURCES and len(node.args) > 1:
        folder = known.package_folder(node.args[0])
        last = known.of(node.args[1])
        if folder is not None:
            found.files.append(Wanted(_plain(f"{folder}/{HOLE if last is None else last}"), node.lineno))
    elif name in _LISTS:
        _list(node, name, known, found)


def _list(node: ast.Call, name: str, known: KnownText, found: Lookups) -> None:
    """Note what a call that lists a folder may find there."""
    owner = known.of(node.func.value) if isinstance(node.func, ast.Attribute) else None
    first = node.args[0] if node.args else None
    if isinstance(first, ast.List) and first.elts:
        first = first.elts[0]
    argument = known.of(first) if first is not None else None
    folder, pattern = (owner, argument or "*") if owner is not None else (argument, "**")
    if folder is not None and folder.startswith(BESIDE) and HOLE not in folder:
        deep = "**/" if name == "rglob" else ""
        found.files.append(Wanted(_plain(f"{folder}/{deep}{pattern}"), node.lineno))


def _import(node: ast.Call, known: KnownText, package: str, found: Lookups) -> None:
    module = known.of(node.args[0])
    anchor = known.of(node.args[1]) if len(node.args) > 1 else package
    for keyword in node.keywords:
        anchor = known.of(keyword.value) if keyword.arg == "package" else anchor
    if module is not None and module.startswith(".") and anchor and HOLE not in anchor:
        module = _absolute(module, anchor)
    if module is None or module.startswith((HOLE, ".")):
        found.computed = True
    elif HOLE in module:
        outer = module.partition(HOLE)[0].rpartition(".")[0]
        if outer:
            found.packages.add(outer)
        else:
            found.computed = True
    else:
        found.imports.append(Import(module, node.lineno, certain=True))


def _absolute(module: str, package: str) -> str:
    level = len(module) - len(module.lstrip("."))
    return absolute(module[level:], level, package)


def _read_by(node: ast.Call) -> list[ast.expr]:
    """Return the paths of a call that reads a file."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if not name.startswith(("open", "read", "load", "parse", "from_")):
        return []
    owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    return [*owner, *node.args]


def _path(node: ast.expr, known: KnownText, found: Lookups, inside: set[ast.AST], *, is_read: bool) -> None:
    """Note the path that an expression stands for. Parts of the expression are noted no more."""
    value = known.of(node)
    if value is not None and value.startswith(BESIDE):
        inside.update(ast.walk(node))
        found.files.append(Wanted(_plain(value), node.lineno, is_read))


def _plain(path: str) -> str:
    return os.path.normpath(path.removeprefix(BESIDE))
