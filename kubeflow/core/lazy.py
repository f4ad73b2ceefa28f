"""Packages that load their names on first use (PEP 562): `import kubeflow.trainer` stays cheap.

The `__init__.py` of such a package imports the names under `TYPE_CHECKING` and calls `exporter` in the `else` branch. A
type checker then sees the real names and no `__getattr__`, which would tell it that every name exists.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType


def exporter(
    package: str, exports: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for the `__init__.py` of `package`.

    `__getattr__` answers a name that does not exist with the name that was probably meant. `__dir__` lists the exported
    names and the module's own dunders: neither submodules nor helpers.

    Args:
        package: Its `__name__`.
        exports: Module below the package (dotted, without the package) -> names that it provides; `""` -> modules
            that are names themselves.
    """
    home = {name: module for module, names in exports.items() for name in names}

    def load(name: str) -> object:
        try:
            module = home[name]
        except KeyError:
            raise _unknown(package, name, names()) from None
        value = getattr(_imported(f"{package}.{module}"), name) if module else _imported(f"{package}.{name}")
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def names() -> list[str]:
        module = sys.modules[package]
        return sorted({*home, *getattr(module, "__all__", ()), *(name for name in vars(module) if _is_dunder(name))})

    return load, names


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except AttributeError as error:  # Python would hide it behind "cannot import name"
        raise ImportError(f"{module} cannot be imported: {error}", name=module) from error


def _unknown(package: str, name: str, known: Iterable[str]) -> Exception:
    """Return the error for an attribute that a package does not have."""
    if _is_dunder(name):  # Python itself asks for `__path__`, `__file__` and the like
        return AttributeError(f"module {package!r} has no attribute {name!r}")
    from kubeflow.core.errors import did_you_mean

    meant = did_you_mean(name, known)
    # From 3.12 on Python itself adds the suggestion to the ImportError, from `__dir__`. Before that, it replaces an
    # AttributeError of `from package import name` by words of its own; only an ImportError gets through.
    if sys.version_info < (3, 12) and meant and _is_import_statement():
        return ImportError(f"cannot import name {name!r} from {package!r}.{meant}", name=package)
    return AttributeError(f"module {package!r} has no attribute {name!r}.{meant}")


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_import_statement() -> bool:
    """Return True when the code that asked for the attribute is a `from package import name`."""
    from opcode import opmap

    caller = sys._getframe(3)  # pyright: ignore[reportPrivateUsage]  # CPython's documented way to the caller
    return caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]
