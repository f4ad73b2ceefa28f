"""Settings that the job cannot repeat: what the library says of them now is set there, else the user is told."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import cast

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.capture.called_functions import Scope, last_name
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.repeated_text import LostSetting
from kubeflow.packaging.capture.static_values import literal
from kubeflow.packaging.source.definitions import Origin

_CarryOut = Callable[[Origin, ast.stmt, str, Sequence[Ref]], None]
_REMEDY = "Set it in the function that is sent"


class LostSettings:
    """Provides them.

    Args:
        provider: Of the job.
        carry_out: Lets the job execute a text.
        module: Returns the library that a name of a scope is of.
    """

    def __init__(self, provider: Provider, carry_out: _CarryOut, module: Callable[[str, Scope], str | None]) -> None:
        self._provider = provider
        self._carry_out = carry_out
        self._module = module

    def provide(self, lost: LostSetting) -> None:
        """Let the job set what the library says, or add a finding; a warning where nothing sent names the library."""
        node, origin = lost.node, lost.scope.origin
        value = node.value if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) else None
        call = value.func if isinstance(value, ast.Call) else None
        what = call if call is not None else node.targets[0] if isinstance(node, ast.Assign) else None
        if what is None:
            return
        root = next((part.id for part in ast.walk(what) if isinstance(part, ast.Name)), "")
        module = self._module(root, lost.scope) or ""
        given = len(value.args) + len(value.keywords) if isinstance(value, ast.Call) else 0
        if call is not None and (found := self._live(module, call, given)) is not None:
            text, reads = found
            self._carry_out(origin, node, text, reads)
            return
        by = f"{lost.scope.label} set it here" if lost.scope.label else "it was set here"
        why = f"{by}, and the job cannot repeat that: it depends on {lost.why}"
        add = self._provider.record.find
        if module.partition(".")[0] not in self._provider.graph.external:
            add = self._provider.record.tell
        add(ast.unparse(what), why, _REMEDY, f"{origin.label}:{node.lineno}")

    def _live(self, module: str, call: ast.expr, given: int) -> tuple[str, Sequence[Ref]] | None:
        """Return text that sets what a library says is set now; None where it does not say it."""
        name = last_name(call)
        holder: object = sys.modules.get(module)
        path = module
        parts = ast.unparse(call).split(".")[1:-1] if isinstance(call, ast.Attribute) else []
        for part in parts:
            holder, path = vars(holder).get(part) if isinstance(holder, ModuleType) else None, f"{path}.{part}"
        if not isinstance(holder, ModuleType):
            return None
        there = f"__import__('importlib').import_module({holder.__name__!r}).{name}"
        if holder is logging and name == "basicConfig":
            arguments = _of_root_logger()
            return None if arguments is None else (f"{there}({arguments})", ())
        rest = re.sub(r"^set_?", "", name)
        getter = next((vars(holder)[n] for n in (f"get_{rest}", f"get{rest}") if n in vars(holder)), None)
        if rest == name or module == "locale" or not isinstance(getter, FunctionType | BuiltinFunctionType):
            return None
        try:
            value = cast("Callable[[], object]", getter)()
        except Exception:  # noqa: BLE001  (of any library: then it does not say)
            return None
        star = {"dict": "**", "tuple": "*"}.get(type(value).__name__, "")
        if not star and given != 1:
            return None
        if (text := literal(value)) is not None:
            return f"{there}({text})", ()
        ref = self._provider.quietly(value)
        return None if ref is None else (f"{there}({star}{self._provider.name_for(ref)})", (ref,))


def _of_root_logger() -> str | None:
    """Return the arguments of `basicConfig` that give the root logger what it has; None where none do."""
    handlers = logging.root.handlers
    if len(handlers) != 1 or type(handlers[0]) is not logging.StreamHandler:
        return None
    formatter = handlers[0].formatter
    stream = vars(handlers[0]).get("stream")
    if formatter is None or type(formatter) is not logging.Formatter or stream not in (sys.stdout, sys.stderr):
        return None
    given = {
        "level": repr(logging.root.level),
        "format": repr(formatter._fmt),  # pyright: ignore[reportPrivateUsage]
        "datefmt": repr(formatter.datefmt),
        **({"stream": "__import__('sys').stdout"} if stream is sys.stdout else {}),
    }
    return ", ".join(f"{name}={text}" for name, text in given.items())
