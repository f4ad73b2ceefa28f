"""What text and paths an expression stands for, as far as the source tells it. Nothing is executed.

A value is a string in which `HOLE` stands for a part that is known only at run time: `f"plugins.{name}"` is
`"plugins." + HOLE`. Paths are strings, too. `BESIDE` begins those that were made from `__file__` or a package.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping

from kubeflow.core.stdlib import ast

HOLE = "\0"
BESIDE = "\1"
_SAME = frozenset({"str", "Path", "PurePath", "PosixPath", "fspath", "abspath", "realpath", "normpath", "expanduser",
                   "resolve", "absolute", "as_posix", "strip", "lower", "__fspath__", "as_file"})  # fmt: skip


class KnownText:
    """The text that expressions of one source stand for.

    `names` are values known beforehand, such as `__file__`. `folder_of` gives the folder of an imported package, or
    None.
    """

    def __init__(self, tree: ast.Module, names: Mapping[str, str], folder_of: Callable[[str], str | None]) -> None:
        self._names: dict[str, str] = dict(names)
        self._folder_of = folder_of
        self.modules: dict[str, str] = {}
        """What imported names stand for: modules, or `module.name`."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.modules[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    base = "." * node.level + (node.module or "")
                    self.modules[alias.asname or alias.name] = f"{base}.{alias.name}" if base.strip(".") else base + (
                        alias.name
                    )  # fmt: skip
        for node in ast.walk(tree):
            target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
            if isinstance(node, ast.AnnAssign):
                target = node.target
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(target, ast.Name) and node.value:
                value = self.of(node.value)
                if value is not None:
                    self._names[target.id] = value if self._names.get(target.id, value) == value else HOLE

    def module(self, node: ast.expr) -> str | None:
        """Return the module that an expression such as `pkg.sub` stands for by its imports, or None."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self.module(node.value)
            return f"{outer}.{node.attr}" if outer else None
        return None

    def of(self, node: ast.expr) -> str | None:
        """Return the text of an expression, with holes, or None when it is unknown altogether."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._part(part) for part in node.values)
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _part(self, node: ast.expr) -> str:
        value = self.of(node.value) if isinstance(node, ast.FormattedValue) else self.of(node)
        return HOLE if value is None else value

    def _operation(self, node: ast.BinOp) -> str | None:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(node.op, ast.Div):
            return None if left is None else os.path.join(left, HOLE if right is None else right)  # noqa: PTH118
        if isinstance(node.op, ast.Add) and (left is not None or right is not None):
            return (HOLE if left is None else left) + (HOLE if right is None else right)
        if isinstance(node.op, ast.Mod) and left is not None:
            return _filled(left, "%")
        return None

    def _attribute(self, node: ast.Attribute) -> str | None:
        if node.attr in ("__file__", "__path__") and (module := self.module(node.value)) is not None:
            folder = self._folder_of(module)
            return folder and (f"{folder}/__init__.py" if node.attr == "__file__" else folder)
        value = self.of(node.value)
        if value is None:
            return None
        if node.attr == "parent":
            return os.path.dirname(value)  # noqa: PTH120
        return {"stem": HOLE, "name": HOLE, "suffix": HOLE}.get(node.attr)

    def _item(self, node: ast.Subscript) -> str | None:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            value, index = self.of(node.value.value), node.slice
            if value is not None and isinstance(index, ast.Constant) and isinstance(index.value, int):
                for _ in range(index.value + 1):
                    value = os.path.dirname(value)  # noqa: PTH120
                return value
        if isinstance(node.value, ast.Attribute) and node.value.attr == "__path__":
            return self.of(node.value)
        return None

    def _call(self, node: ast.Call) -> str | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        values = [self.of(argument) for argument in node.args]
        of_owner = self.of(owner) if owner is not None else None
        if name == "files" and (owner is None or of_owner is None):
            return self._package(node.args[0] if node.args else None)
        if name in _SAME or (name == "Path" and len(values) > 1):
            parts = values if of_owner is None else [of_owner]
            if not parts or parts[0] is None:
                return None
            return os.path.join(*(HOLE if part is None else part for part in parts))  # noqa: PTH118
        if name in ("join", "joinpath") and (of_owner is not None or (values and values[0] is not None)):
            if name == "join" and of_owner is not None and os.sep not in of_owner:
                return HOLE  # of a string
            return os.path.join(*(HOLE if v is None else v for v in ([of_owner] if of_owner else []) + values))  # noqa: PTH118
        if name == "dirname" and values and values[0] is not None:
            return os.path.dirname(values[0])  # noqa: PTH120
        if name in ("with_name", "with_suffix") and of_owner is not None:
            last = (values[0] if values else None) or HOLE
            stem = os.path.splitext(of_owner)[0]  # noqa: PTH122
            return stem + last if name == "with_suffix" else os.path.join(os.path.dirname(of_owner), last)  # noqa: PTH118, PTH120
        return _filled(of_owner, "{") if name == "format" and of_owner is not None else None

    def _package(self, node: ast.expr | None) -> str | None:
        """Return the folder of the package that an argument of `importlib.resources` names."""
        if node is None:
            return self._folder_of(self._names.get("__package__", ""))
        name = self.of(node) or self.module(node)
        return self._folder_of(name) if name else None

    def package_folder(self, node: ast.expr) -> str | None:
        """Return the folder of the package that an expression names, by text or by an imported module."""
        return self._package(node)


def _filled(text: str, sign: str) -> str:
    """Return a format string with a hole from its first placeholder on."""
    before, found, _ = text.partition(sign)
    return before + HOLE if found else text
