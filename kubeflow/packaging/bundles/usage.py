"""What of the run-time support a bundle uses: the names in `remote/uses.py` that are True of it."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, cast

from kubeflow.core.stdlib import inspect, json, re
from kubeflow.packaging.bundles.harmless_code import EVERYTHING, gives_value, reach
from kubeflow.packaging.remote import MAIN, MAIN_FOLDER, codec, pickled

Entry = Mapping[str, object]
Step = dict[str, Any]


def usage(
    entry: Entry,
    files: Mapping[str, bytes],
    target: Callable[..., object] | None,
    *,
    installs: bool,
    has_objects: bool,
) -> frozenset[str]:
    """Return what the job of an entry uses.

    Args:
        entry: What the runner reads.
        files: The files beside it.
        target: The function or other callable that the user gave; None for a script or module.
        installs: True when there are requirements.
        has_objects: True when the job gives objects a state.
    """
    encoded = files.get(f"{MAIN_FOLDER}/steps.json", b'{"steps": []}')
    steps: list[Step] = json.loads(encoded)["steps"]
    reached = _reach(entry, files, steps)
    tagged = [*_tagged([entry, steps])]
    is_pickled = f".kubeflow/{pickled.FILE}" in files
    found = {
        "DIRECTORY": bool(entry.get("directory")),
        "FILES": any(path.endswith(".py") and not path.startswith(f"{MAIN_FOLDER}/") for path in files),
        "HYPERPARAMETERS": bool(entry.get("hyperparameters")),
        "INSTALLER": installs,
        **{name: name in reached for name in EVERYTHING},
        "MODULE": entry["kind"] == "module",
        "OBJECT": "self" in entry,
        "OBJECTS": not all(node[codec.TAG] in _CONTAINERS for node in tagged),
        "OPERATIONS": not all(_is_statement(step) or _is_value(step) for step in steps),
        "PICKLE": entry["kind"] == "pickle",
        "PICKLED": is_pickled,
        "REPORTS": bool(entry.get("hyperparameters"))
        or any(map(_names_the_sdk, [json.dumps(entry).encode(), *files.values()])),
        "RESULT": target is not None and not _returns_none(target),
        "SCRIPT": entry["kind"] == "script",
        "SESSION": "session" in entry,
        "SHADOWS": "own" in entry,
        "SHARED": is_pickled or any(node[codec.TAG] in ("ref", "shared") for node in tagged),
        "STATE": has_objects,
        "STEPS": bool(steps),
        "VALUES": bool(tagged),
    }
    return frozenset(name for name, is_used in found.items() if is_used)


def _names_the_sdk(text: bytes) -> bool:
    return _SDK.search(text) is not None


_SDK = re.compile(rb"\bkubeflow\.(?:optimizer|trainer|packaging\.remote\.reports)\b|\bimport\s+kubeflow\b")


_CONTAINERS = frozenset({"bytes", "dict", "float", "frozenset", "int", "ref", "set", "shared", "tuple"})
"""Kinds of the codec for numbers, text and containers of Python."""


def _tagged(encoded: object) -> Iterator[Step]:
    """Yield what the codec has to decode in JSON."""
    pending = [encoded]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            entry = cast("Step", node)
            if codec.TAG in entry:
                yield entry
            pending += entry.values()
        elif isinstance(node, list | tuple):
            pending += cast("Sequence[object]", node)


def _is_data(node: Step) -> bool:
    """Return True when decoding runs no code but Python's: for containers, times, decimals and their like."""
    kind = node[codec.TAG]
    return kind in _CONTAINERS or (
        kind == "call" and isinstance(node["c"], str) and node.keys() <= _CALL and gives_value(node["c"])
    )


_CALL = {codec.TAG, "a", "c", "d"}


def _reach(entry: Entry, files: Mapping[str, bytes], steps: Sequence[Step]) -> frozenset[str]:
    """Return the names that are about how far the user's code can reach."""
    home = str(entry.get("module", "")).replace(".", "/")
    is_here = bool(steps) if home == MAIN else {f"{home}.py", f"{home}/__init__.py"} & files.keys()
    if (
        entry["kind"] != "function"
        or "own" in entry
        or "session" in entry
        or not is_here
        or not all(map(_is_data, _tagged([entry, steps])))
    ):
        return EVERYTHING
    if not all(map(_is_legible, steps)):
        return EVERYTHING
    modules = [text for path, text in files.items() if path.endswith(".py") and not path.startswith(f"{MAIN_FOLDER}/")]
    return reach([*modules, *(_text_of(step, files) for step in steps)])


def _is_legible(step: Step) -> bool:
    """Return True when text says all that a step does: no object comes by another way than by a name in that text."""
    if step["do"] == "alias":
        return _is_value(step) or (step.keys() == {"do", "of", "bind"} and step["of"].keys() in ({"name"}, {"path"}))
    if step["do"] == "factory":
        given = [*step["cells"], *step.get("given", {}).values()] if "cells" in step else []
        return not step.get("module") and all(operand.keys() == {"value"} for operand in given)
    return bool(step["do"] == "statement")


def _text_of(step: Step, files: Mapping[str, bytes]) -> str:
    """Return what a step executes, or a statement that does what it does."""
    if step["do"] == "alias":
        module, _, name = step["of"].get("path", "").partition(":")
        if module:
            return f"from {module} import {name} as {step['bind']}" if name else f"import {module} as {step['bind']}"
        return f"{step['bind']} = {step['of'].get('name')}"
    lines = files[f"{MAIN_FOLDER}/{step['file']}"].decode("utf-8").split("\n")
    text: str = step["text"] if step.get("text") is not None else "\n".join(lines[step["first"] - 1 : step["last"]])
    for start, end, new in reversed(step.get("edits", ())):
        text = text[:start] + new + text[end:]
    return "\n".join([step.get("lead") or "", text, step.get("tail") or ""])


def _is_statement(step: Step) -> bool:
    """Return True when a step executes a statement, and nothing more."""
    return step["do"] == "statement" and not any(step.get(key) for key in step.keys() - _STATEMENT)


_STATEMENT = {"do", "file", "first", "last", "text"}


def _is_value(step: Step) -> bool:
    """Return True when a step binds a name to a value."""
    return step["do"] == "alias" and step.keys() <= _VALUE and "bind" in step and step["of"].keys() == {"value"}


_VALUE = {"do", "of", "bind", "id"}


def _returns_none(target: Callable[..., object]) -> bool:
    """Return True when a call of the target is certain to give None: every `return` of its code says so."""
    if type(target) is not FunctionType or hasattr(target, "__wrapped__") or inspect.iscoroutinefunction(target):
        return False
    before: dis.Instruction | None = None
    for step in dis.get_instructions(target):
        if step.opname == "RETURN_CONST":  # of Python 3.12 and 3.13
            if step.argval is not None:
                return False
        elif step.opname.startswith(("RETURN_VALUE", "YIELD_VALUE", "RETURN_GENERATOR")):
            is_none = before is not None and before.opname == "LOAD_CONST" and before.argval is None
            if step.is_jump_target or not is_none:
                return False
        before = step
    return True
