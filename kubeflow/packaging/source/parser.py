"""Python's parser, for programs with threads."""

from __future__ import annotations

import threading
from typing import Literal, overload

from kubeflow.core.stdlib import ast

# Up to Python 3.12 the parser counts its depth once for all threads, and two at a time may end in "SystemError: AST
# constructor recursion depth mismatch". https://github.com/python/cpython/issues/106905
_ONE_AT_A_TIME = threading.Lock()


@overload
def parse(text: str | bytes, filename: str = ..., mode: Literal["exec"] = ...) -> ast.Module: ...
@overload
def parse(text: str | bytes, filename: str = ..., *, mode: Literal["eval"]) -> ast.Expression: ...
def parse(
    text: str | bytes, filename: str = "<text>", mode: Literal["exec", "eval"] = "exec"
) -> ast.Module | ast.Expression:
    """Do what `ast.parse` does, one thread at a time.

    Raises:
        SyntaxError: When the text does not parse.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(text, filename) if mode == "exec" else ast.parse(text, filename, mode)
