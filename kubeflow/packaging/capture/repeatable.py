"""Which expressions give in the job what they gave here, or what the machine of the job makes of them."""

from __future__ import annotations

import sys
from collections.abc import Set
from types import BuiltinFunctionType, FunctionType, ModuleType

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.free_names import BUILTINS

_FAR = frozenset(
    {"__import__", "breakpoint", "compile", "delattr", "eval", "exec", "exit", "globals", "input", "locals", "next"}
    | {"open", "print", "quit", "setattr", "vars"}
)
# Modules whose functions work with files, programs, the network, chance, or the command line of this process.
_DENIED = frozenset(
    {"argparse", "getopt", "getpass", "http", "io", "json", "pickle", "random", "requests", "secrets", "shutil"}
    | {"socket", "sqlite3", "subprocess", "tempfile", "tomllib", "urllib", "uuid", "yaml"}
)
_OS = re.compile(r"environ|getenv|path|cpu_count|sep|name|uname|fspath")
_METHODS = frozenset(
    {"append", "clear", "extend", "insert", "parse_args", "parse_known_args", "pop", "popitem", "read", "readline"}
    | {"read_text", "read_bytes", "readlines", "remove", "send", "write", "write_text"}
)
_DEPTH = 6


class Repeatable:
    """Tells them by their text: no code of the user's runs."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._known: dict[str, str] = {}

    def problem(self, node: ast.AST, local: Set[str], depth: int = 0) -> str:
        """Return what of an expression or simple statement cannot be repeated; "" for nothing.

        Args:
            node: The expression.
            local: The names that are no globals of the module.
            depth: How many functions of the user's are around it.
        """
        for part in ast.walk(node):
            found = ""
            if isinstance(part, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
                found = ast.unparse(part)
            elif isinstance(part, ast.Name) and part.id not in local | BUILTINS | self._provider.namespace.keys():
                is_bound = isinstance(part.ctx, ast.Store) or any(
                    isinstance(each, ast.Name) and each.id == part.id and isinstance(each.ctx, ast.Store)
                    for each in ast.walk(node)
                )
                found = "" if is_bound else part.id
            elif isinstance(part, ast.Attribute) and part.attr == "argv":
                found = ast.unparse(part)
            elif isinstance(part, ast.Call):
                found = self._call(part.func, local, depth)
            if found:
                return found
        return ""

    def _call(self, called: ast.expr, local: Set[str], depth: int) -> str:
        text = ast.unparse(called)
        if isinstance(called, ast.Attribute) and called.attr in _METHODS:
            return f"{text}()"
        names = text.split(".") if re.fullmatch(r"[\w.]+", text) else []
        if not names or names[0] in local:
            return ""  # a method of what is repeatable itself
        value = self._provider.namespace.get(names[0])
        if value is None and names[0] not in self._provider.namespace:
            return f"{text}()" if names[0] in _FAR else ""
        if isinstance(value, ModuleType):
            is_denied = value.__name__.partition(".")[0] in _DENIED or "random" in names
            is_denied = is_denied or (value is sys.modules["os"] and not _OS.match(names[1] if len(names) > 1 else ""))
            return f"{text}()" if is_denied else ""
        if isinstance(value, FunctionType) and value.__globals__ is self._provider.namespace and len(names) == 1:
            return self._function(names[0], value, depth)
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            home = str(value.__module__).partition(".")[0]
            return f"{text}()" if home in _DENIED or names[-1] in _FAR else ""
        return ""

    def _function(self, name: str, function: FunctionType, depth: int) -> str:
        """Return why a function of the user's may give something else when it is called again."""
        if name not in self._known:
            self._known[name] = ""
            binding = next(iter(self._provider.origins.bindings(name)), None)
            node = binding.node if binding is not None else None
            code = function.__code__
            local = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
            is_plain = isinstance(node, ast.FunctionDef) and not node.decorator_list and depth < _DEPTH
            if not isinstance(node, ast.FunctionDef) or not is_plain or any(map(_leaves_traces, ast.walk(node))):
                self._known[name] = f"{name}()"
            else:
                inner = next(filter(None, (self.problem(part, local, depth + 1) for part in node.body)), "")
                self._known[name] = f"{name}()" if inner else ""
        return self._known[name]


def _leaves_traces(node: ast.AST) -> bool:
    stored = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    return stored or isinstance(node, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom | ast.With | ast.Delete)
