# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH100, PTH118, PTH120, UP006, UP035
"""Code carries the file names that its user knows (`In [5]`, `pkg/model.py`), not those of a temporary directory.

So every traceback, warning and stack dump names them, whoever prints it. `__file__` of modules stays the real path.
"""

from __future__ import annotations

import linecache
import os
import sys
from importlib import machinery
from types import CodeType

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Dict, List

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where the bundle lies."""
RUNTIME = ".kubeflow"
unnamed: Dict[str, str] = {}
"""Path to label of the files whose code had to keep its path."""


def install() -> None:
    """Let modules of the bundle that are imported from now on carry their path in the bundle as file name."""
    sys.path_hooks.insert(0, _finder)
    for path in [path for path in sys.path_importer_cache if _is_users(path)]:
        del sys.path_importer_cache[path]


def named(path: str, label: str, text: str) -> str:
    """Return the file name for code of `text`, and let Python's tools find its lines under that name.

    That is `label`, or `path` where another file has this label, or where the text is for numba, which refuses to cache
    functions of a file that does not exist.
    """
    lines = text.split("\n")
    known: Any = linecache.cache.get(label)
    if "numba" in text or (known is not None and known[2:3] != ([line + "\n" for line in lines],)):
        unnamed[path] = label
        return path
    for name in (label, os.path.abspath(label)):  # rich makes paths absolute before it looks
        remember(name, lines)
    return label


def remember(name: str, lines: List[str]) -> None:
    """Let Python's tools find lines under a file name. Without a time of change, linecache takes them for good."""
    linecache.cache[name] = (sum(map(len, lines)), None, [line + "\n" for line in lines], name)


def compiled(path: str) -> CodeType:
    """Return the code of a script of the bundle."""
    code: CodeType = _Loader("__main__", path).get_code("__main__")
    return code


class _Loader(machinery.SourceFileLoader):
    """Loads a module of the bundle. Bytecode is cached as ever, and carries paths."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return _renamed(super().get_code(fullname), path, self._named(path))

    def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]  # (of all versions)
        # An error of syntax tells the name, too.
        return super().source_to_code(data, self._named(path), **options)

    def _named(self, path: str) -> str:
        try:
            return named(path, os.path.relpath(path, ROOT), self.get_source(self.name) or "")
        except ImportError:  # not in the encoding that it declares: compiling says so
            return path


def _renamed(code: Any, path: str, name: str) -> Any:
    if not isinstance(code, CodeType) or code.co_filename != path:
        return code
    return code.replace(co_filename=name, co_consts=tuple(_renamed(each, path, name) for each in code.co_consts))


def _finder(path: str) -> machinery.FileFinder:
    if not _is_users(path):
        raise ImportError("not of the bundle", path=path)
    return machinery.FileFinder(
        path,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (_Loader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )


def _is_users(path: str) -> bool:
    return (path + os.sep).startswith(ROOT + os.sep) and not path.startswith(os.path.join(ROOT, RUNTIME))
