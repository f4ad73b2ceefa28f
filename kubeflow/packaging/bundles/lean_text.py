"""Python without what is for its maintainers (docstrings, types, comments), nor branches that are not taken, nor blanks
that Python does not need.
"""

from __future__ import annotations

import io
import itertools
import tokenize
from collections.abc import Iterator, Sequence, Set

from kubeflow.core.stdlib import ast


def lean(tree: ast.Module, uses: Set[str]) -> ast.Module:
    """Take out docstrings, types, and the branches for what is not used.

    `if uses.X` and `if uses.X and ...` are settled by the names in `uses`; `TYPE_CHECKING` is False.
    """
    _Lean(uses).visit(tree)
    return tree


class _Lean(ast.NodeTransformer):
    def __init__(self, uses: Set[str]) -> None:
        self._uses = uses

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.body:
            node.body = [ast.Pass()]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if ast.unparse(node.targets[0]) == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value, lineno=node.lineno))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        names = [alias for alias in node.names if alias.name != "uses"]
        if node.module == "__future__" or not names:
            return None
        node.names = names
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "uses":
            return ast.Constant(node.attr in self._uses)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_for_types = node.id == "TYPE_CHECKING" and isinstance(node.ctx, ast.Load)
        return ast.Constant(False) if is_for_types else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        settled = _settled(node.operand) if isinstance(node.op, ast.Not) else None
        return node if settled is None else ast.Constant(not settled)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        neutral = isinstance(node.op, ast.And)  # True changes nothing in `and`, and False in `or`
        if any(_settled(value) is (not neutral) for value in node.values):
            return ast.Constant(not neutral)
        values = [value for value in node.values if _settled(value) is not neutral]
        if len(values) > 1:
            return ast.BoolOp(node.op, values)
        return values[0] if values else ast.Constant(neutral)

    def visit_If(self, node: ast.If) -> ast.AST | Sequence[ast.AST]:
        node.test = self.visit(node.test)
        test = _settled(node.test)
        if test is None:
            self.generic_visit(node)
            node.body = node.body or [ast.Pass()]
            return node
        chosen = node.body if test else node.orelse
        module = ast.Module([*chosen], [])
        self.generic_visit(module)
        return module.body

    def visit_While(self, node: ast.While) -> ast.AST | None:
        self.generic_visit(node)
        return None if _settled(node.test) is False else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        test = _settled(node.test)
        return node if test is None else node.body if test else node.orelse


def _settled(node: ast.AST) -> bool | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, bool) else None


def dense(tree: ast.Module) -> str:
    """Return a program as text without the blanks and lines that Python does not need."""
    lines = _lines(ast.unparse(tree))
    return "\n".join(text for text, _ in _block(lines, next(lines, None), 0)[0])


_Line = tuple[int, str]
"""How deep a line stands, and its text."""


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines of a text in which, as `ast.unparse` writes it, each statement has one."""
    lines = text.split("\n")
    tokens = (each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.string.strip())
    for number, words in itertools.groupby(tokens, key=lambda token: token.start[0]):
        line = lines[number - 1]
        depth = at = len(line) - len(line.lstrip())
        made = ""
        for token in words:
            gap, word = line[at : token.start[1]], line[token.start[1] : token.end[1]]
            needed = gap and (made[-1:] + word[:1]).replace("_", "a").isalnum()
            made += (" " if needed else "") + word if not gap.strip() else gap + word
            at = token.end[1]
        yield depth // 4, made + line[at:]


def _block(lines: Iterator[_Line], line: _Line | None, depth: int) -> tuple[list[tuple[str, bool]], _Line | None]:
    """Return the lines of a block, and the first line after it. True with a line: more statements may follow on it."""
    made: list[tuple[str, bool]] = []
    while line is not None and line[0] == depth:
        text = line[1]
        line = next(lines, None)
        if text.endswith(":"):
            body, line = _block(lines, line, depth + 1)
            if [simple for _, simple in body] == [True]:
                made.append((text + body[0][0], False))
            else:
                made += [(text, False), *[(" " + each, False) for each, _ in body]]
        elif made and made[-1][1]:
            made[-1] = (f"{made[-1][0]};{text}", True)
        else:
            made.append((text, not text.startswith("@")))
    return made, line
