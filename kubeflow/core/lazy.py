"""Packages that load their names on first use (PEP 562): `import kubeflow.trainer` stays cheap."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module


def exporter(
    package: str, exports: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for the `__init__.py` of `package`.

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
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        value = getattr(import_module(f"{package}.{module}"), name) if module else import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home})

    return load, names
