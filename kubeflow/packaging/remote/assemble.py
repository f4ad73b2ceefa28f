# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH118, PTH123, UP006, UP035
"""Rebuild the module that a notebook or a `__main__` script was, from the pieces of it that the job uses.

Each piece is compiled under the name and at the lines it had, so that tracebacks point at the user's text.
"""

from __future__ import annotations
import __future__

import json
import os
import sys
from types import CodeType, ModuleType

from . import MAIN, MAIN_FOLDER, codec, filenames, uses

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Dict


def assemble(namespace: Dict[str, Any]) -> None:
    """Carry out the steps in `steps.json`, in order.

    Args:
        namespace: The globals of the module. Its `__name__` is `__mp_main__` in a process that the job spawns: pickles
            name `__main__` there, too.
    """
    folder = os.path.join(filenames.ROOT, MAIN_FOLDER)
    if uses.PROCESSES:
        sys.modules[MAIN] = sys.modules[namespace["__name__"]]
    with open(os.path.join(folder, "steps.json"), encoding="ascii") as stream:
        document = json.load(stream)
    if document["package"]:  # what relative imports inside functions are relative to
        namespace["__package__"] = document["package"]
    labels: Dict[str, str] = document["labels"]
    files = {file: _File(os.path.join(folder, file), label) for file, label in labels.items()}
    if uses.PROCESSES and len(files) == 1:  # `inspect` looks for a class in the file of its module
        filenames.remember(namespace["__file__"], *[file.lines for file in files.values()])
    if uses.OPERATIONS:
        module = Assembly(namespace, files)
        for step in document["steps"]:
            module.carry_out(step)
    else:
        for step in document["steps"]:
            if "of" in step:
                value = step["of"]["value"]
                namespace[step["bind"]] = codec.decode(value) if uses.VALUES else value
            else:
                exec(_compiled(step, files[step["file"]]), namespace)


class _File:
    """A text of the user's, and the name that its code carries."""

    def __init__(self, path: str, label: str) -> None:
        with open(path, encoding="utf-8", newline="") as stream:
            text = stream.read()
        self.lines = text.split("\n")
        self.name = filenames.named(path, label, text)


class Assembly:
    """The module in the making: its globals, and the objects that no name is bound to, by number."""

    def __init__(self, namespace: Dict[str, Any], files: Dict[str, _File]) -> None:
        self.namespace = namespace
        self.files = files
        self.objects: Dict[int, Any] = {}

    def carry_out(self, step: Dict[str, Any]) -> None:
        """Carry out one step."""
        kind = step["do"]
        made: Any = None
        if kind == "statement":
            exec(_compiled(step, self.files[step["file"]]), self.namespace)
        elif kind == "factory":
            # The text of an inner function stands in a function whose parameters are its closure.
            target = vars(_imported(step["module"])) if step["module"] else self.namespace
            scope: Dict[str, Any] = {}
            exec(_compiled(step, self.files[step["file"]]), target, scope)
            made = scope[step["take"]]
            if step["take"] == "_kubeflow_cells":
                cells = [self.operand(of) for of in step["cells"]]
                if uses.STATE and "given" in step:
                    from . import objects

                    made = objects.with_cells(made, cells, {n: self.operand(of) for n, of in step["given"].items()})
                else:
                    made = made(*cells)
            if hasattr(made, "__qualname__"):
                made.__qualname__ = step["qualname"]
        elif uses.STATE and kind != "alias":
            from . import objects

            made = objects.carry_out(step, self.operand)
        else:
            made = self.operand(step["of"])
        if "id" in step:
            self.objects[step["id"]] = made
        if "bind" in step:
            self.namespace[step["bind"]] = made

    def operand(self, of: Dict[str, Any]) -> Any:
        """Return the object that a step refers to."""
        if "id" in of:
            return self.objects[of["id"]]
        if "name" in of:
            return self.namespace[of["name"]]
        if uses.STATE and "value" not in of and "path" not in of:
            from . import objects

            return objects.part(of, self.operand)
        if "path" in of:
            return codec.load(of["path"]) if ":" in of["path"] else _imported(of["path"])
        return codec.decode(of["value"]) if uses.VALUES else of["value"]


def _compiled(step: Dict[str, Any], file: _File) -> CodeType:
    """Compile lines of a file of the bundle under the user's name for it, padded so that each keeps its number."""
    text = step.get("text")
    if text is None:
        text = "\n".join(file.lines[step["first"] - 1 : step["last"]])
    above, flags = step["first"] - 1, 0
    if uses.OPERATIONS:
        for start, end, new in reversed(step.get("edits", ())):
            text = text[:start] + new + text[end:]
        if step.get("lead"):
            text = step["lead"] + "\n" + text
            above -= 1
        text += "\n" + step.get("tail", "")
        for feature in step.get("future", ()):
            flags |= getattr(__future__, feature).compiler_flag
    text = "\n" * above + text + "\n"
    code: CodeType = compile(text, file.name, "exec", flags=flags, dont_inherit=True)
    return code


def _imported(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]
