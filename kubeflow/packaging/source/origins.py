"""Where the text of the user's definitions is: script files, notebook cells, interactive input. Read, never run."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, cast

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.source.definitions import TIMED, Binding, Origin

_CELL = re.compile(r"<(?:ipython|python)-input-(\d+)")


class Origins:
    """Finds origins by the file name of a code object, and the statement that bound a name last."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self._namespace = namespace
        self._by_filename: dict[str, Origin | None] = {}
        self._files: set[str] = set()
        if namespace is vars(sys.modules["__main__"]):
            main_file = namespace.get("__file__")
            names = [main_file] if isinstance(main_file, str) else []
            names += [name for name, entry in list(linecache.cache.items()) if _is_interactive(name, entry)]
            for name in sorted(names, key=_execution_count):
                self.origin(name)

    def of(self, code: CodeType) -> Origin | None:
        """Return the text that a code object is of, or None when nobody kept it."""
        if code.co_filename == TIMED:
            return next((origin for origin in self.all() if origin.has(code)), None)
        return self.origin(code.co_filename)

    def origin(self, filename: str) -> Origin | None:
        """Return the text behind a file name, or None when nobody kept it."""
        if filename not in self._by_filename:
            text = "".join(linecache.getlines(filename, self._namespace))
            made = Origin(filename, *self._names(filename), text) if text else None
            if made is not None and (body := _timed_body(made.tree)):
                made = Origin(TIMED, made.label, made.file, body)
            self._by_filename[filename] = made
        return self._by_filename[filename]

    def _names(self, filename: str) -> tuple[str, str]:
        count = _execution_count(filename)
        if count:
            label, stem = f"In [{count}]", f"cell_{count}"
        else:
            label = Path(filename).name
            stem = re.sub(r"\W", "_", Path(filename).stem) or "input"
        file, number = f"{stem}.py", 1
        while file in self._files or file == "__init__.py":
            number += 1
            file = f"{stem}_{number}.py"
        self._files.add(file)
        return label, file

    def all(self) -> list[Origin]:
        """Return every origin seen so far."""
        return [o for o in self._by_filename.values() if o is not None]

    def used(self) -> list[Origin]:
        """Return the origins that the job needs lines of."""
        return [o for o in self.all() if o.used]

    def bindings(self, name: str) -> Iterator[Binding]:
        """Yield what bound a module-level name, the latest first."""
        for origin in reversed(self.all()):
            yield from reversed(origin.bindings.get(name, []))


def _timed_body(cell: ast.Module) -> str:
    """Return the Python text of a cell that begins with %%time, else nothing. Lines with % and ! are calls in it."""
    match cell.body:
        case [
            ast.Expr(ast.Call(ast.Attribute(_, "run_cell_magic"), [ast.Constant("time"), _, ast.Constant(str(body))]))
        ]:
            shell = _shell()
            return body if shell is None else str(shell.transform_cell(body))  # as %%time itself does
        case _:
            return ""


def _is_interactive(name: str, entry: object) -> bool:
    # linecache keeps (size, mtime, lines, fullname); interactive shells enter their input without a time.
    parts = cast("tuple[object, ...]", entry) if isinstance(entry, tuple) else ()
    return len(parts) == 4 and parts[1] is None and (
        bool(_CELL.match(name)) or "ipykernel" in name or name.startswith("<stdin")
    )  # fmt: skip


def _shell() -> Any:
    """Return IPython's shell, or None where there is none."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _execution_count(filename: str) -> int:
    """Return the number that the notebook shows beside a cell, or 0 for what is no cell."""
    counts: dict[str, int] = getattr(getattr(_shell(), "compile", None), "_filename_map", {})
    if filename in counts:
        return counts[filename]
    match = _CELL.match(filename)
    return int(match.group(1)) if match else 0
