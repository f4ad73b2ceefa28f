"""What the user has set in the interpreter itself: limits, hooks, tracing, handlers of its end.

Python says what is set. A text of the user's must name it: notebooks, debuggers and libraries set such things, too.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Mapping
from types import FunctionType

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.capture.calls import Calls
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, static_value
from kubeflow.packaging.source.definitions import Origin, is_of_user, raw_functions

_LIMITS: dict[str, tuple[Callable[[], object], object]] = {
    "setrecursionlimit": (sys.getrecursionlimit, 1000),
    "setswitchinterval": (sys.getswitchinterval, 0.005),
    "set_int_max_str_digits": (getattr(sys, "get_int_max_str_digits", lambda: 4300), 4300),
}
"""Functions of `sys`: what says the limit that one sets, and the limit of a fresh process."""
_HOOKS = (
    *((sys, name) for name in ("breakpointhook", "displayhook", "excepthook", "stderr", "stdout", "unraisablehook")),
    (threading, "excepthook"),
)
_TRACES: dict[str, Callable[[], object]] = {
    "sys.settrace": sys.gettrace,
    "sys.setprofile": sys.getprofile,
    "threading.settrace": lambda: vars(threading).get("_trace_hook"),
    "threading.setprofile": lambda: vars(threading).get("_profile_hook"),
}
_INSIDE = "inside the function that is sent"


def trace_findings() -> list[Finding]:
    """Return a finding for each function of the user's that Python calls for every call: it sees packing, too."""
    found: list[Finding] = []
    for call, get in _TRACES.items():
        function = next((each for each in raw_functions(get()) if is_of_user(each)), None)
        if function is not None:
            why = f"{function.__qualname__} is in force here, and would see other code in the job"
            found.append(Finding(call, why, f"Call it {_INSIDE}, and end it here by {call}(None)"))
    return found


class InterpreterSettings:
    """Sends such settings, or tells of them."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self._calls = Calls(provider.record)
        self._places: dict[str, str] = {}

    def provide(self) -> None:
        """Compare what the texts of the notebook or script, and of the modules that are sent, name."""
        texts = [(origin.label, origin.text) for origin in self._provider.origins.all()]
        texts += [(found.label, found.text) for found in self._provider.graph.loaded().values()]
        for label, text in texts:
            for match in _NAMES.finditer(text):
                self._places.setdefault(match[0], f"{label}:{text.count(chr(10), 0, match.start()) + 1}")
        for name, (get, usual) in _LIMITS.items():
            if name in self._places and (value := get()) != usual:
                self._calls.late(Ref({"path": f"sys:{name}"}), [Ref({"value": value})])
        for module, name in _HOOKS:
            if name in self._places and self._is_users(value := vars(module)[name]):
                self._hook(module.__name__, name, value)

    def _hook(self, module: str, name: str, value: object) -> None:
        ref = self._provider.quietly(value)
        if ref is not None:
            self._calls.set(Ref({"path": module}), {name: ref})
            return
        why = f"a {type(value).__qualname__} of yours stands in its place, which cannot be sent"
        self._record.find(f"{module}.{name}", why, f"Replace it {_INSIDE}", self._places[name])

    def _is_users(self, value: object) -> bool:
        """Say whether a hook is a function of the user's, or an object of a class of the user's."""
        functions = list(raw_functions(value))
        if functions:
            return any(self._is_of_user(function) for function in functions)
        return value is not None and self._provider.is_users_object(value)

    def _is_of_user(self, function: FunctionType) -> bool:
        home = function.__globals__
        is_main = home is self._provider.namespace
        return is_main or self._provider.graph.locate(str(home.get("__name__", ""))) is not None

    # -- the end of the process ------------------------------------------------------------------------------------

    def at_exit(self, origin: Origin, node: ast.stmt) -> None:
        """Tell of a function of the user's that a statement has registered for the end of this process."""
        for name in _registered(node, self._provider.namespace):
            handler = self._provider.namespace.get(name)
            if not isinstance(handler, FunctionType) or not self._is_of_user(handler):
                continue
            shared = sorted(n for n in handler.__code__.co_names if self._is_data_of_job(n))
            add = self._record.find if shared else self._record.tell
            why = "it is registered for the end of this process, not of the job"
            why += f", and uses {shared[0]}, which the job has" if shared else ""
            add(f"atexit.register({name})", why, f"Register it {_INSIDE}", f"{origin.label}:{node.lineno}")

    def _is_data_of_job(self, name: str) -> bool:
        value = self._provider.namespace.get(name)
        is_code = isinstance(value, type(sys) | type | FunctionType)
        return self._provider.ref_of_name(name) is not None and not is_code


_NAMES = re.compile("|".join(rf"\b{name}\b" for name in {*_LIMITS, *(n for _, n in _HOOKS)}))


def _registered(node: ast.stmt, namespace: Mapping[str, object]) -> list[str]:
    """Return the names of the functions that a statement registers with `atexit`."""
    if isinstance(node, ast.FunctionDef):
        return [node.name] if any(_is_register(each, namespace) for each in node.decorator_list) else []
    call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if not isinstance(call, ast.Call) or not call.args or not _is_register(call.func, namespace):
        return []
    return [call.args[0].id] if isinstance(call.args[0], ast.Name) else []


def _is_register(node: ast.expr, namespace: Mapping[str, object]) -> bool:
    value = static_value(node, namespace)
    return value is atexit.register or (value is UNKNOWN and ast.unparse(node) == "atexit.register")
