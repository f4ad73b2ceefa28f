"""What `kubeflow train` is told to run: a script, `module:function` or `file.py:function`."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.paths import working_directory


def function_of(reference: str) -> Callable[..., object] | None:
    """Return the function that `module:function` or `path/file.py:function` names; `None` for the path of a script.

    The module is imported, from the working directory or from where it is installed; `file.py` from its own folder, or
    as part of the package that it lies in. What it prints meanwhile goes to stderr.

    Raises:
        InvalidInput: There is no such module or function; importing it fails.
    """
    home, colon, name = reference.partition(":")
    if not colon or (reference.startswith(("/", ".")) and not name.isidentifier() and "." not in name):
        return None
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise InvalidInput(f"{reference!r} names no function: write module:function, like train:main.")
    folder, module = _module_of(home) if home.endswith(".py") else (working_directory(), home)
    if not all(part.isidentifier() for part in module.split(".")):
        raise InvalidInput(f"{home!r} is no name of a module: write module:function, or path/to/file.py:function.")
    return _function(_imported(folder, module, home), name, home)


def _module_of(path: str) -> tuple[Path, str]:
    """Return the folder to import a file from, and the module that it is there, in a package or by itself."""
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        scripts = sorted(other.name for other in file.parent.glob("*.py")) if file.parent.is_dir() else []
        raise InvalidInput(f"There is no file {path!r}.{did_you_mean(file.name, scripts)}")
    folder, parts = file.parent, [file.stem]
    while (folder / "__init__.py").is_file():
        folder, parts = folder.parent, [folder.name, *parts]
    return folder, ".".join(parts)


def _imported(folder: Path, module: str, home: str) -> ModuleType:
    sys.path.insert(0, os.fspath(folder))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InvalidInput(_failed(home, error)) from error
        where = f" (looked for in {folder}, and among what is installed for {sys.executable})"
        known = [path.stem for path in folder.glob("*.py")]
        raise InvalidInput(f"There is no module {module!r}.{did_you_mean(module, known)}{where}") from error
    except (Exception, SystemExit) as error:  # whatever a user's module does at its import
        raise InvalidInput(_failed(home, error)) from error


def _failed(home: str, error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if len(frames) > 1 else ""
    return f"Importing {home!r} fails{place}: {type(error).__name__}: {error}"


def _function(module: ModuleType, name: str, home: str) -> Callable[..., object]:
    value: object = module
    for part in name.split("."):
        if not hasattr(value, part):
            known = [key for key, item in vars(value).items() if callable(item) and not key.startswith("_")]
            raise InvalidInput(f"{home!r} has no function {name!r}.{did_you_mean(part, known)}")
        value = getattr(value, part)
    if not callable(value):
        raise InvalidInput(f"{name!r} in {home!r} is no function, but of type {type(value).__name__}.")
    return value
