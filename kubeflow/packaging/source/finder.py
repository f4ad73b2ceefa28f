"""Which file a module name stands for, decided as the interpreter decides it: loaded modules, then the module path.

No list of names decides: a `platform.py` of the user's that is loaded, or that the module path finds first, is the
user's. Nothing is imported.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipimport import zipimporter

from kubeflow.core.stdlib import os
from kubeflow.packaging.source.ownership import is_interpreters, is_users

_SDK = frozenset({"kubeflow", "kubeflow_api"})


@dataclass(frozen=True, slots=True)
class Located:
    """A module of the user's. `path` is its file; None for a namespace package, which has none."""

    name: str
    path: Path | None
    is_package: bool

    @property
    def is_source(self) -> bool:
        """True for Python source and for namespace packages; compiled modules and bytecode have none."""
        return self.path is None or self.path.suffix in importlib.machinery.SOURCE_SUFFIXES

    @property
    def entry(self) -> Path:
        """The folder or zip file of the module path that its top-level module was found in."""
        depth = self.name.count(".") + self.is_package
        return self.path.parents[min(depth, len(self.path.parents) - 1)] if self.path is not None else Path(os.devnull)

    @property
    def shipped_as(self) -> str:
        """Where the job finds it, whatever the folders are called here."""
        base = self.name.replace(".", "/")
        return f"{base}/__init__.py" if self.is_package else f"{base}.py"


def read(path: Path) -> bytes:
    """Return the content of a file, also of one inside a zip file on the module path."""
    try:
        return path.read_bytes()
    except NotADirectoryError:
        archive = next(folder for folder in path.parents if folder.is_file())
        return zipimporter(str(archive)).get_data(str(path))


def _module_path() -> Iterator[str]:
    """Yield `sys.path` with the working directory where an empty entry stands for it, unless it has been deleted."""
    for entry in sys.path:
        with contextlib.suppress(FileNotFoundError):
            yield entry or str(Path.cwd())


class ModuleFinder:
    """Finds the user's modules by name.

    `search` are folders to look in before `sys.path`. With `fresh` the code starts in a process of its own, as a
    script does: what these folders hold comes before what this process has loaded.
    """

    def __init__(self, search: Iterable[Path] = (), *, fresh: bool = False) -> None:
        self._first = [str(folder) for folder in search]
        self._search = [*self._first, *_module_path()]
        self._fresh = fresh
        self._located: dict[str, Located | None] = {}
        self.entries: list[str] = []
        """Entries of the module path that installed packages were found in, less the interpreter's own."""

    def locate(self, name: str) -> Located | None:
        """Find a module of the user's by name, or None when it is installed, built in or nowhere."""
        if name not in self._located:
            self._located[name] = self._locate(name)
        return self._located[name]

    def is_taken(self, name: str) -> bool:
        """Say whether a top-level name means a module that is not the user's."""
        if self.locate(name) is not None or name in _SDK:
            return False
        return name in sys.modules or _spec(name, self._search) is not None

    def folders(self, name: str) -> list[Path]:
        """Return the folders that the submodules of a package are looked for in; none for a module."""
        return [Path(folder) for folder in self._package_folders(name)]

    def _locate(self, name: str) -> Located | None:
        top = name.partition(".")[0]
        if top in _SDK or top in sys.builtin_module_names or importlib.machinery.FrozenImporter.find_spec(top):
            return None
        if self._fresh and (found := self._by_path(name, self._first)) is not None:
            return found
        loaded = sys.modules.get(name)
        if loaded is not None and name != "__main__":
            package = hasattr(loaded, "__path__")
            if isinstance(file := getattr(loaded, "__file__", None), str):
                return self._of_file(name, Path(file), is_package=package)
            if package:
                return _namespace(name, [str(folder) for folder in getattr(loaded, "__path__", ())])
        return self._by_path(name, self._search)

    def _by_path(self, name: str, search: Sequence[str]) -> Located | None:
        paths: Sequence[str] = self._package_folders(name.rpartition(".")[0]) if "." in name else search
        spec = _spec(name, paths)
        if spec is None and "." not in name:
            spec = _of_editable(name)
        if spec is None:
            return None
        if spec.origin is None or spec.origin == "namespace":
            return _namespace(name, list(spec.submodule_search_locations or ()))
        package = spec.submodule_search_locations is not None
        return self._of_file(name, Path(spec.origin), is_package=package) if spec.has_location else None

    def _package_folders(self, name: str) -> list[str]:
        loaded = sys.modules.get(name)
        located = self.locate(name)
        if not self._fresh and loaded is not None and name != "__main__" and hasattr(loaded, "__path__"):
            return [str(folder) for folder in loaded.__path__]
        if located is None or not located.is_package:
            return []
        if located.path is not None:
            return [str(located.path.parent)]
        outer, _, last = name.rpartition(".")
        folders = self._package_folders(outer) if outer else self._search
        return [str(Path(folder, last)) for folder in folders if Path(folder, last).is_dir()]

    def _of_file(self, name: str, path: Path, *, is_package: bool) -> Located | None:
        found = Located(name, path, is_package)
        if is_users(path, found.entry):
            return found
        if not is_interpreters(path) and str(found.entry) not in self.entries:
            self.entries.append(str(found.entry))
        return None


def _spec(name: str, paths: Sequence[str]) -> importlib.machinery.ModuleSpec | None:
    """Find a module in folders and zip files, as `PathFinder` does, which for a namespace imports the parent."""
    portions: list[str] = []
    for entry in paths:
        finder = pkgutil.get_importer(entry)
        spec = finder.find_spec(name, None) if finder is not None else None
        if spec is not None and spec.loader is not None:
            return spec
        portions += (spec and spec.submodule_search_locations) or ()
    found = importlib.machinery.ModuleSpec(name, None, is_package=True) if portions else None
    if found is not None:
        found.submodule_search_locations = portions
    return found


def _namespace(name: str, folders: Sequence[str]) -> Located | None:
    users = any(is_users(Path(folder, "any.py")) for folder in folders)
    return Located(name, None, is_package=True) if users else None


def _of_editable(name: str) -> importlib.machinery.ModuleSpec | None:
    """Ask the finders that setuptools puts into an environment for packages in editable form: tables of paths."""
    for finder in sys.meta_path:
        if getattr(finder, "__module__", "").startswith("__editable__"):
            spec = finder.find_spec(name, None)
            if spec is not None:
                return spec
    return None
