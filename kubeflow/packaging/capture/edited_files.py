# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""Modules whose file was edited after it was imported: here their old code runs, and the job would run the new one."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from kubeflow.core.errors import Finding
from kubeflow.packaging.source.definitions import raw_functions
from kubeflow.packaging.source.modules import LoadedModule


def edited_findings(loaded: Mapping[str, LoadedModule]) -> list[Finding]:
    """Return a finding for every module with a function that is not the one of its file.

    Only files that changed since this process began are compared, function by function: line numbers, comments and what
    was reloaded make no difference.

    Args:
        loaded: Modules by name, with what their files hold.
    """
    findings: list[Finding] = []
    for name, found in loaded.items():
        path = Path(str(found.module.__file__))
        if type(found.module.__loader__) is not SourceFileLoader or not _changed_since_start(path):
            continue  # what another loader makes of a text, such as pytest's, is not what Python makes of it
        other = _other_functions(found, path)
        if other:
            names = ", ".join(sorted(other)[:3]) + (" and others" if len(other) > 3 else "")
            why = "its file was edited after it was imported: "
            why += f"function{'s' if len(other) > 1 else ''} {names} run{'' if len(other) > 1 else 's'} here as "
            why += f"{'they were' if len(other) > 1 else 'it was'} before"
            remedy = f"Write `importlib.reload({name})` and make what came from it again, or restart and import it anew"
            findings.append(Finding(f"module {name}", why, remedy, f"{found.label}:{min(other.values())}"))
    return findings


def _changed_since_start(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return max(found.st_mtime, found.st_ctime) > _start_of_process()  # a copy keeps the first, not the second


@functools.cache
def _start_of_process() -> float:
    import psutil

    return psutil.Process().create_time() - 1


def _other_functions(found: LoadedModule, path: Path) -> dict[str, int]:
    """Return the functions of a module that its text does not make, with the line where they stood or stand."""
    module = found.module
    made: dict[str, list[CodeType]] = {}
    for code in _codes(compile(found.tree, str(path), "exec", dont_inherit=True)):
        made.setdefault(code.co_qualname, []).append(code)
    other: dict[str, int] = {}
    for function in _functions(vars(module), module.__name__, str(path)):
        code = function.__code__
        written = made.get(code.co_qualname, [])
        if not any(essence(each) == essence(code) for each in written):  # default values are sent as they are
            other[code.co_qualname] = next((each.co_firstlineno for each in written), 1)
    return other


def _codes(code: CodeType) -> Iterator[CodeType]:
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from _codes(part)


def essence(code: CodeType, *, with_bytecode: bool = True) -> tuple[object, ...]:
    """Return what a function does, without where it stands."""
    constants = tuple(
        essence(part, with_bytecode=with_bytecode) if isinstance(part, CodeType) else (type(part), repr(part))
        for part in code.co_consts
    )
    bytecode = code.co_code if with_bytecode else b""
    return bytecode, code.co_names, code.co_varnames, code.co_freevars, code.co_flags, constants


def _functions(namespace: Mapping[str, object], module: str, path: str, depth: int = 0) -> Iterator[FunctionType]:
    for value in list(namespace.values()):
        if isinstance(value, type):
            if value.__module__ == module and depth < 8:
                yield from _functions(vars(value), module, path, depth + 1)
        elif not isinstance(value, ModuleType):
            for function in raw_functions(value):
                if function.__module__ == module and function.__code__.co_filename == path:
                    yield function
