"""Results as they travel, in a form in which equal ones are equal: their classes need not be loaded."""

from __future__ import annotations

from typing import Any

from kubeflow.packaging.results.pickle_opcodes import read_opcodes

Table = dict[str, Any]


def comparable(result: Any) -> object:
    """Return a result of an outcome file with each value where it is used, sets in one order, and all dictionaries as
    lists of pairs. What leads back to itself says so.
    """
    if isinstance(result, dict) and result.get("$") == "opcodes":
        result = read_opcodes(result["v"])
    if isinstance(result, dict) and result.get("$") == "shared":
        return _inlined(result["v"], result["t"], ())
    return _inlined(result, {}, ())


def _inlined(node: Any, table: Table, around: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inlined(part, table, around) for part in node]
    if not isinstance(node, dict):
        return hex(node) if type(node) is int else repr(node)
    kind = node.get("$")
    if kind == "ref":
        number = str(node["n"])
        return "itself" if number in around else _inlined(table[number], table, (*around, number))
    if kind is None:
        return ["dict", [[repr(key), _inlined(part, table, around)] for key, part in node.items()]]
    if kind in ("int", "float"):
        return node["v"]
    parts = [[key, _inlined(part, table, around)] for key, part in sorted(node.items()) if key not in ("$", "state")]
    if kind in ("set", "frozenset"):
        return [kind, sorted(parts[0][1], key=repr)]
    return [kind, parts[0][1] if kind in ("dict", "tuple") else parts]
