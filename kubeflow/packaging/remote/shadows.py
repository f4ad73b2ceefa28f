# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: UP006, UP035, UP045
"""Names of modules that the user's folder and Python (or an installed package) both have: which one is meant.

Travels only with bundles that have such names.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Dict, List, Optional

# What these modules import later. By then the name may mean the user's module.
_NEEDED = ("asyncio", "base64", "datetime", "json", "pickle", "runpy", "threading", "traceback", "zoneinfo")


def apply(own: List[str], theirs: List[str], root: str) -> Dict[str, ModuleType]:
    """Put the user's folder on the module path.

    Args:
        own: Top-level names that mean modules of the bundle, whatever Python has loaded until now.
        theirs: Top-level names that mean what they would mean without the bundle.
        root: Where the bundle lies.

    Returns:
        The modules that `own` hides.
    """
    for name in _NEEDED:
        if name in own:
            __import__(name)
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in own}
    for name in hidden:
        del sys.modules[name]
    finder: Any = _Theirs(theirs, root)
    sys.meta_path.insert(0, finder)
    sys.path.insert(0, root)
    return hidden


class _Theirs:
    """Finds modules as if the user's folder were not on the module path."""

    def __init__(self, names: List[str], root: str) -> None:
        self.names = names
        self.root = root

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """As any finder of `sys.meta_path`."""
        if path is not None or name not in self.names:
            return None
        return PathFinder.find_spec(name, [entry for entry in sys.path if entry != self.root])
