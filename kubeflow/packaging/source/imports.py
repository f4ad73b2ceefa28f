"""The modules that a piece of source may import: by statement, and by `import_module` with a name that text tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubeflow.core.stdlib import ast


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a piece of source may import.

    `certain` is False where the code goes on without it: inside `try` with a handler, inside `suppress(...)`.
    """

    module: str
    line: int
    certain: bool


def imported(body: Iterable[ast.AST], package: str, *, certain: bool = True) -> Iterator[Import]:
    """Yield what the import statements below `body` name, at any depth.

    Args:
        body: Statements.
        package: What relative imports are relative to.
        certain: Whether the code fails without these modules.
    """
    # Imports are statements, and expressions are most of a tree: only statements are walked.
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, certain)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node.module or "", node.level, package)
            if base:
                yield Import(base, node.lineno, certain)
                for alias in node.names:
                    # May be a submodule or any other name: a name that is no module is not found, and that
                    # is all.
                    if alias.name != "*":
                        yield Import(f"{base}.{alias.name}", node.lineno, certain)
        else:
            inner = certain and not _goes_on(node)
            for part in ("body", "orelse", "finalbody", "handlers", "cases"):
                if part == "body" and isinstance(node, ast.If) and _is_type_checking(node.test):
                    continue
                nested: Iterable[ast.AST] = getattr(node, part, ())
                yield from imported(nested, package, certain=inner)


def _goes_on(node: ast.AST) -> bool:
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return any("suppress" in ast.dump(item.context_expr) for item in node.items)
    return bool(getattr(node, "handlers", ()))


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def absolute(module: str, level: int, package: str) -> str:
    """Return the absolute name of `from ...module import`, or "" when it leads out of the package."""
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level - 1 >= len(parts) + (0 if parts else 1):
        return ""
    base = ".".join(parts[: len(parts) - (level - 1)])
    return f"{base}.{module}".strip(".")
