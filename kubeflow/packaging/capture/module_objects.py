# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""State that objects and functions of a shipped module have got since its import: the import makes them in the job, and
there they get that state.
"""

from __future__ import annotations

import contextvars
import dis
import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, cast

from kubeflow.core.stdlib import ast, loaded
from kubeflow.packaging.capture.calls import Calls, items
from kubeflow.packaging.capture.class_body import CONTAINERS
from kubeflow.packaging.capture.library_objects import UNSET
from kubeflow.packaging.capture.loggers import Loggers
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.object_state import in_fixed_order
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, is_atom, is_data, same, static_value
from kubeflow.packaging.source.definitions import first_line, raw_functions, statements
from kubeflow.packaging.tagged_json.encoder import encode

if TYPE_CHECKING:
    import queue

_WEAK_TABLES = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary)


def _queues() -> Sequence[type]:
    module = loaded("queue")  # not imported: a module of the user's may be called so
    return () if module is None else (module.Queue, module.LifoQueue, module.PriorityQueue)


class ModuleObjects:
    """Sends such state.

    Args:
        provider: Of the job.
        tree: The text of the module.
        label: Its file, as people call it.
    """

    def __init__(self, provider: Provider, tree: ast.Module, label: str) -> None:
        self._provider = provider
        self._calls = Calls(provider.record)
        self._tree = tree
        self._label = label

    # -- objects of Python's own library ---------------------------------------------------------------------------

    def library_object(self, value: object, place: Ref, what: str) -> bool:
        """Send the state of one that the job has at `place`. Returns False for any other object."""
        states: dict[type, Callable[[object, Ref, str], None]] = {
            contextvars.ContextVar: self._context_variable,
            threading.Event: self._event,
            threading.Semaphore: self._semaphore,
            threading.BoundedSemaphore: self._semaphore,
            threading.local: self._local,
            weakref.WeakSet: self._weak_set,
            **dict.fromkeys(_queues(), self._queue),
            **dict.fromkeys(_WEAK_TABLES, self._weak_table),
        }
        if isinstance(value, logging.Logger):
            Loggers(self._provider).state(value, place, what, self._label)
            return True
        send = states.get(type(value))
        if send is not None:
            self._provider.link(value, place)
            send(value, place, what)
        return send is not None

    def _ref(self, value: object, what: str) -> Ref | None:
        return self._provider.ref(value, what, self._label)

    def _context_variable(self, value: object, place: Ref, what: str) -> None:
        content = cast("contextvars.ContextVar[object]", value).get(UNSET)
        if content is not UNSET:
            self._calls.late(place.at(("attr", "set")), [self._ref(content, f"{what}.get()")])

    def _event(self, value: object, place: Ref, what: str) -> None:
        if cast("threading.Event", value).is_set():
            self._calls.late(place.at(("attr", "set")), [])

    def _semaphore(self, value: object, place: Ref, what: str) -> None:
        state = vars(value)
        if state["_value"] != state.get("_initial_value", 1):
            self._calls.set(place, {"_value": Ref({"value": state["_value"]})})

    def _local(self, value: object, place: Ref, what: str) -> None:
        self._calls.set(place, {name: self._ref(part, f"{what}.{name}") for name, part in vars(value).items()})

    def _queue(self, value: object, place: Ref, what: str) -> None:
        waiting = cast("queue.Queue[object]", value).queue
        if waiting:
            self._calls.set(place, {"queue": self._ref(waiting, what)})

    def _weak_set(self, value: object, place: Ref, what: str) -> None:
        self._update(in_fixed_order(cast("weakref.WeakSet[object]", value)), place, what)

    def _weak_table(self, value: object, place: Ref, what: str) -> None:
        self._update(list(cast("weakref.WeakKeyDictionary[object, object]", value).items()), place, what)

    def _update(self, content: list[object], place: Ref, what: str) -> None:
        part = items([self._ref(each, f"{what}[{i}]") for i, each in enumerate(content)])
        if content and part is not None:
            self._provider.name_for(part)  # others refer to what it holds, but they are not sent
            self._calls.late(place.at(("attr", "update")), [part])

    # -- functions ---------------------------------------------------------------------------------------------------

    def function(
        self, function: FunctionType, place: Ref, what: str, assigned: set[str], names: Mapping[str, object]
    ) -> None:
        """Send attributes, defaults and variables of the closure that are not those of the text.

        Args:
            function: A function of the module.
            place: Where the job has it.
            what: Its name, for findings.
            assigned: Attributes that the notebook or script assigns to.
            names: What names of the module meant when it was imported.
        """
        written = self._written(function.__name__, names)
        attributes = {
            name: value
            for name, value in vars(function).items()
            if name in assigned or (not name.startswith("__") and self._is_new(function, value, written.get(name)))
        }
        attributes |= {name: getattr(function, name) for name in ("__doc__", "__name__") if name in assigned}
        self._defaults(function, place, what, attributes, names)
        self._calls.set(place, {name: self._ref(value, f"{what}.{name}") for name, value in attributes.items()})
        for raw in raw_functions(function):
            if raw is function:
                self._closure(raw, place, what)

    def _is_new(self, function: FunctionType, value: object, written: object) -> bool:
        """Say whether the text gives a function another attribute, or none: then code that ran later has set it.

        Args:
            function: The function.
            value: The attribute.
            written: What the text assigns to it, UNKNOWN where that is computed, None for nothing.
        """
        if not (is_atom(value) or isinstance(value, CONTAINERS)) or written is UNKNOWN:
            return False
        if written is not None:
            return not same(value, written)
        node = self._definition(function)
        return is_data(value) and node is not None and not node.decorator_list  # decorators run again, and set theirs

    def _written(self, name: str, names: Mapping[str, object]) -> dict[str, object]:
        """Return the attributes that the text assigns to a function."""
        found: dict[str, object] = {}
        for node in statements(self._tree.body):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.Assign) and isinstance(target, ast.Attribute) and _is_name(target.value, name):
                found[target.attr] = static_value(node.value, names)
        return found

    def _defaults(
        self, function: FunctionType, place: Ref, what: str, attributes: dict[str, object], names: Mapping[str, object]
    ) -> None:
        node = self._definition(function)
        if node is None:
            return
        defaults = function.__defaults__ or ()
        static = [static_value(expression, names) for expression in node.args.defaults]
        if len(defaults) != len(static) or any(_is_other(a, b) for a, b in zip(defaults, static, strict=True)):
            attributes["__defaults__"] = function.__defaults__
        written = {a.arg: d for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None}
        keywords = function.__kwdefaults__ or {}
        if keywords.keys() != written.keys() or any(
            _is_other(value, static_value(written[name], names)) for name, value in keywords.items()
        ):
            attributes["__kwdefaults__"] = function.__kwdefaults__

    def _definition(self, function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        code = function.__code__
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name != code.co_name:
                continue
            if code.co_firstlineno in (node.lineno, first_line(node)):
                return node
        return None

    def _closure(self, function: FunctionType, place: Ref, what: str) -> None:
        """Send variables that the function assigns, and containers that the text around it makes."""
        assigned = {step.argval for step in dis.get_instructions(function) if step.opname == "STORE_DEREF"}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content: object = cell.cell_contents
            except ValueError:
                continue
            inner = place.at(("cell", name))
            if name in assigned and is_atom(content):
                self._provider.record.late(
                    {"do": "cell", "of": inner.operand, "value": {"value": encode(content)}}, inner
                )
            elif isinstance(content, CONTAINERS) and self._provider.known(content) is None:
                first = self._first_content(function, name)
                if type(first) is type(content) and not same(content, first):
                    self._provider.link(content, inner.at(("attr", "cell_contents")))
                    self._provider.fill(content, inner.at(("attr", "cell_contents")), f"{name} of {what}")

    def _first_content(self, function: FunctionType, name: str) -> object:
        """Return what the function around a function makes of one of its variables."""
        inner = self._definition(function)
        if inner is None:
            return UNKNOWN
        for outer in ast.walk(self._tree):
            if isinstance(outer, ast.FunctionDef) and any(node is inner for node in statements(outer.body)):
                for node in statements(outer.body):
                    target = node.targets[0] if isinstance(node, ast.Assign) else None
                    if isinstance(target, ast.Name) and target.id == name and isinstance(node, ast.Assign):
                        return static_value(node.value, {})
        return UNKNOWN


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_other(value: object, static: object) -> bool:
    """Say whether a default value is certain not to be that of the text."""
    return static is not UNKNOWN and not same(value, static)
