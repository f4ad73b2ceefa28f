"""Names that code of the user's looks up and no text of the user's binds: mistyped, or not imported."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kubeflow.core.errors import Finding, did_you_mean
from kubeflow.core.stdlib import ast
from kubeflow.packaging.source.definitions import Origin, bound_names, statements
from kubeflow.packaging.source.free_names import BUILTINS, FreeNames, free_names

Texts = Callable[[], Iterable[tuple[str, ast.Module]]]


class UndefinedNames:
    """Collects the names of one module that code uses and the module does not have.

    A name is no finding when code that is shipped may bind it before it is used, by `global` or through the namespace
    of the module, or when the text of the module binds it under a condition that did not hold here: there, too, the
    code raises NameError only if it gets that far.
    """

    def __init__(self, module: Mapping[str, object], texts: Texts) -> None:
        """`module` is the live namespace; `texts` gives the name of each of its texts and what it parses to."""
        self._module = module
        self._texts = texts
        self._used: list[tuple[str, str]] = []
        self._made: set[str] = set()
        self._makes_any = False

    @classmethod
    def of_module(cls, module: Mapping[str, object], origin: Origin) -> UndefinedNames:
        """Return the same for a module that is shipped as a whole."""
        made = cls(module, lambda: [(origin.label, origin.tree)])
        made.read(free_names(origin.text, origin.filename, origin.future))
        return made

    def check(self, names: FreeNames, used: Iterable[str], origin: Origin, offset: int) -> None:
        """Note those of `used` that the module does not have; `offset` turns lines of `names` into the origin's."""
        for name in sorted(set(used) - self._module.keys() - vars(builtins).keys() - names.optional):
            self.use(name, f"{origin.label}:{names.line.get(name, 1) + offset}")

    def read(self, names: FreeNames) -> None:
        """Note what a piece of text that is shipped may bind when it runs."""
        self._made |= names.assigned | names.made
        self._makes_any = self._makes_any or names.makes_any

    def use(self, name: str, where: str) -> None:
        """Note that the module does not have a name that the line `where` uses."""
        self._used.append((name, where))

    def mark(self) -> int:
        """Return what `undo` needs to come back to this point."""
        return len(self._used)

    def grew(self, mark: int) -> bool:
        """Return True when names were noted since `mark` that nothing binds so far."""
        return any(not self._is_bound(name) for name, _ in self._used[mark:])

    def undo(self, mark: int) -> None:
        """Forget the names that were noted since `mark`."""
        del self._used[mark:]

    def findings(self) -> list[Finding]:
        """Return a finding for each use of a name that nothing binds."""
        return [self._finding(name, where) for name, where in self._used if not self._is_bound(name)]

    def _is_bound(self, name: str) -> bool:
        made = self._makes_any or name in self._made
        return made or any(place.condition and not place.for_checkers for place in self._places(name))

    def _finding(self, name: str, where: str) -> Finding:
        for place in self._places(name):
            if place.for_checkers:
                why = f"{place.where} imports it for type checkers only"
                return Finding(f"name {name}", why, "Import it outside of `if TYPE_CHECKING`, too", where)
            why = f"{place.where} binds it, and it is not there now"
            return Finding(f"name {name}", why, "Bind it again, or take what uses it out", where)
        known = [each for each in (*self._module, *BUILTINS) if not each.startswith("_")]
        remedy = did_you_mean(name, known).strip().rstrip(".") or "Define or import it, or pass it as an argument"
        return Finding(f"name {name}", "it is not defined", remedy, where)

    def _places(self, name: str) -> Iterator[_PlaceOfBinding]:
        for label, tree in self._texts():
            for outer in tree.body:
                for node in statements([outer]):
                    if any(bound == name for bound, _ in bound_names(node)):
                        condition = node is not outer or isinstance(node, ast.For)
                        for_checkers = isinstance(outer, ast.If) and _is_type_checking(outer.test)
                        yield _PlaceOfBinding(f"{label}:{node.lineno}", condition, for_checkers)


@dataclass(frozen=True, slots=True)
class _PlaceOfBinding:
    """A statement that binds a name: under a `condition`, which may be that a type checker reads it."""

    where: str
    condition: bool
    for_checkers: bool


def _is_type_checking(test: ast.expr) -> bool:
    last = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return last == "TYPE_CHECKING"
