# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123, UP006, UP035, B905
"""Rebuild the module that a notebook or a `__main__` script was, from the pieces of it that the job uses.

Each piece is compiled under the name and at the lines it had, so that tracebacks point at the user's text.
"""

from __future__ import annotations
import __future__

import functools
import json
import os
import sys
from types import CodeType, ModuleType

from . import codec, filenames

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict


def assemble(namespace: Dict[str, Any]) -> None:
    """Carry out the steps in `steps.json` beside the generated module, in order.

    Args:
        namespace: The globals of the generated module.
    """
    folder = os.path.dirname(os.path.abspath(namespace["__file__"]))
    with open(os.path.join(folder, "steps.json"), encoding="ascii") as stream:
        document = json.load(stream)
    objects: Dict[int, Any] = {}  # what no name is bound to, by number
    labels: Dict[str, str] = document["labels"]
    files = {file: _File(os.path.join(folder, file), label) for file, label in labels.items()}
    for step in document["steps"]:
        _carry_out(step, namespace, objects, files)


class _File:
    """A text of the user's, and the name that its code carries."""

    def __init__(self, path: str, label: str) -> None:
        with open(path, encoding="utf-8", newline="") as stream:
            text = stream.read()
        self.lines = text.split("\n")
        self.name = filenames.named(path, label, text)


def _carry_out(
    step: Dict[str, Any], namespace: Dict[str, Any], objects: Dict[int, Any], files: Dict[str, _File]
) -> None:
    def operand(of: Dict[str, Any]) -> Any:
        if "id" in of:
            return objects[of["id"]]
        return namespace[of["name"]] if "name" in of else codec.decode(of["value"])

    kind = step["do"]
    made: Any = None
    if kind == "statement":
        exec(_compiled(step, files[step["file"]]), namespace)
    elif kind == "factory":
        # The text of an inner function stands in a function whose parameters are its closure.
        target = vars(_module(step["module"])) if step["module"] else namespace
        scope: Dict[str, Any] = {}
        exec(_compiled(step, files[step["file"]]), target, scope)
        made = scope[step["take"]]
        if step["take"] == "_kubeflow_cells":
            made = made(*[operand(of) for of in step["cells"]])
        if hasattr(made, "__qualname__"):
            made.__qualname__ = step["qualname"]
    elif kind == "import":
        made = codec.load(step["path"]) if ":" in step["path"] else _module(step["path"])
    elif kind == "partial":
        keywords = {k: operand(of) for k, of in step["keywords"].items()}
        made = functools.partial(operand(step["func"]), *[operand(of) for of in step["args"]], **keywords)
    elif kind == "method":
        made = getattr(operand(step["of"]), step["name"])
    elif kind == "container":
        items = [operand(of) for of in step["items"]]
        made = dict(zip(items[::2], items[1::2])) if step["kind"] == "dict" else _CONTAINERS[step["kind"]](items)
    else:
        made = operand(step["of"])
    if "id" in step:
        objects[step["id"]] = made
    if "bind" in step:
        namespace[step["bind"]] = made


_CONTAINERS: Dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def _compiled(step: Dict[str, Any], file: _File) -> CodeType:
    """Compile lines of a file of the bundle under the user's name for it, padded so that each keeps its number."""
    text = step.get("text")
    if text is None:
        text = "\n".join(file.lines[step["first"] - 1 : step["last"]])
    above = step["first"] - 1
    if step.get("lead"):
        text = step["lead"] + "\n" + text
        above -= 1
    text = "\n" * above + text + "\n" + step.get("tail", "") + "\n"
    flags = 0
    for feature in step["future"]:
        flags |= getattr(__future__, feature).compiler_flag
    code: CodeType = compile(text, file.name, "exec", flags=flags, dont_inherit=True)
    return code


def _module(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]
