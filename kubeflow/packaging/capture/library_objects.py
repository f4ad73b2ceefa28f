# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Objects of Python's own library whose state is no attribute, or not theirs alone: context variables, loggers, locks,
iterators, weak references, views.

Each is made anew in the job, with the state that it has here.
"""

from __future__ import annotations

import contextvars
import gc
import logging
import operator
import sys
import threading
import types
import typing
import warnings
import weakref
from _queue import SimpleQueue  # not of `queue`: a module of the user's may be called so
from collections.abc import Callable, Iterable
from types import MemberDescriptorType
from typing import cast

from kubeflow.packaging.capture.calls import Calls, items
from kubeflow.packaging.capture.loggers import Loggers
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.object_state import in_fixed_order, is_python_class
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.tagged_json.reductions import type_name

_LOCKS: dict[object, str] = {type(threading.Lock()): "threading:Lock", type(threading.RLock()): "threading:RLock"}
_VIEWS: dict[object, str] = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
_DESCRIPTORS = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    MemberDescriptorType,
)
_GETTERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)
_WEAK_CONTAINERS = (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)
_STREAMS = ("stdin", "stdout", "stderr")
# Objects that stand for something of this process, by what it is. Their attributes would make another one.
_OF_THIS_PROCESS = {
    "weakref.finalize": "which is called when an object of this process ends",
    "subprocess.Popen": "a process that this one has started",
    "threading.Thread": "a thread of this process",
    "tempfile.TemporaryDirectory": "whose folder is deleted with this process",
    "tempfile._TemporaryFileWrapper": "whose file is deleted with this process",
}
_KINDS = (
    contextvars.ContextVar, super, threading.local, types.MappingProxyType, weakref.ReferenceType, SimpleQueue,
    logging.Logger, *_WEAK_CONTAINERS, *_LOCKS, *_VIEWS,
)  # fmt: skip
UNSET = object()


def is_library_object(value: object) -> bool:
    """Say whether an object has a state that its attributes do not tell, or shares it with others."""
    kind = type(value)
    return issubclass(kind, cast("tuple[type, ...]", _KINDS)) or is_iterator(value) or is_of_this_process(kind)


class LibraryObjects:
    """Provides such objects."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self._calls = Calls(provider.record)
        self._loggers = Loggers(provider)
        self._by_type: dict[type, Callable[[object, str, str], Ref | None]] = {
            contextvars.ContextVar: self._context_variable,
            logging.RootLogger: self._loggers.provide,
            super: self._super,
            threading.local: self._thread_local,
            types.GenericAlias: self._alias,
            types.MappingProxyType: self._proxy,
            weakref.ReferenceType: self._weak_reference,
            weakref.WeakMethod: self._weak_method,
            SimpleQueue: self._simple_queue,
            **dict.fromkeys(_GETTERS, self._getter),
            **dict.fromkeys(_DESCRIPTORS, self._descriptor),
            **dict.fromkeys(_WEAK_CONTAINERS, self._weak_container),
            **dict.fromkeys(cast("Iterable[type]", _LOCKS), self._lock),
            **dict.fromkeys(cast("Iterable[type]", _VIEWS), self._view),
        }

    def provide(self, value: object, what: str, where: str) -> Ref | None:
        """Provide one; None for any other object, and after a finding."""
        if value is Ellipsis or value is NotImplemented:
            return Ref({"path": f"builtins:{value!r}"})
        for name in _STREAMS:
            if value is getattr(sys, name) or value is getattr(sys, f"__{name}__"):
                return Ref({"path": f"sys:{name}"})
        kind = type(value)
        if _is_bare(value) and (path := self._sentinel(value)) is not None:
            return Ref({"path": path})
        if is_of_this_process(kind):
            self._record.find(what, f"it {reason_of(value)}", "Create it inside the function", where)
            return None
        if kind in self._by_type:
            return self._by_type[kind](value, what, where)
        if isinstance(value, logging.Logger):
            return self._loggers.provide(value, what, where)
        if is_type_expression(value):
            return self._type_expression(value, what, where)
        if is_iterator(value):
            return self._iterator(value, what, where)
        return None

    def _sentinel(self, value: object) -> str | None:
        """Return where a library keeps an object that has nothing but its identity."""
        home = type(value).__module__
        for module, loaded in list(sys.modules.items()) if home == "builtins" else [(home, sys.modules.get(home))]:
            if is_importable(module) and self._provider.graph.locate(module) is None:
                for name, held in list(vars(loaded).items()):
                    if held is value:
                        return f"{module}:{name}"
        return None

    def _ref(self, value: object, what: str, where: str) -> Ref | None:
        return self._provider.ref(value, what, where)

    def _context_variable(self, value: object, what: str, where: str) -> Ref | None:
        variable = cast("contextvars.ContextVar[object]", value)
        default, content = default_of(variable), variable.get(UNSET)
        keywords = {} if default is UNSET else {"default": self._ref(default, f"{what}, default", where)}
        made = self._calls.call("contextvars:ContextVar", [Ref({"value": variable.name})], keywords)
        if made is not None and content is not UNSET:
            self._provider.link(value, made)
            ref = self._ref(content, f"{what}.get()", where)
            self._calls.late(made.at(("attr", "set")), [ref])
        return made

    def _lock(self, value: object, what: str, where: str) -> Ref | None:
        if "unlocked" in repr(value):
            return self._calls.call(_LOCKS[type(value)], [])
        self._record.find(what, "it is a lock that is held here", "Release it, or create it inside the function", where)
        return None

    def _super(self, value: object, what: str, where: str) -> Ref | None:
        parts = [object.__getattribute__(value, name) for name in ("__thisclass__", "__self__")]
        refs = [self._ref(part, what, where) for part in parts if part is not None]
        return self._calls.call("builtins:super", refs)

    def _getter(self, value: object, what: str, where: str) -> Ref | None:
        func, args = cast("tuple[object, tuple[object, ...]]", value.__reduce__())
        return self._calls.call_of(self._ref(func, what, where), [self._ref(arg, what, where) for arg in args])

    def _descriptor(self, value: object, what: str, where: str) -> Ref | None:
        descriptor = cast("MemberDescriptorType", value)
        path = import_path(descriptor.__objclass__)
        return None if path is None else Ref({"path": f"{path}.{descriptor.__name__}"})

    def _alias(self, value: object, what: str, where: str) -> Ref | None:
        alias = cast("types.GenericAlias", value)
        parts = [self._ref(alias.__origin__, what, where), self._ref(alias.__args__, what, where)]
        return self._calls.call("types:GenericAlias", parts)

    def _type_expression(self, value: object, what: str, where: str) -> Ref | None:
        """Provide `Optional[T]`, `list[T] | None`, or a type variable."""
        name = getattr(value, "__name__", "")
        if self._provider.namespace.get(name) is value:
            ref = self._provider.need(name, where)
            return None if ref is None or self._record.waits_for_open(ref) else ref  # its statement makes it
        if not typing.get_args(value):
            return None
        if isinstance(value, types.UnionType):
            parts = items([self._ref(part, what, where) for part in typing.get_args(value)])
            return self._calls.call("functools:reduce", [Ref({"path": "operator:or_"}), parts])
        func, args = cast("tuple[object, tuple[object, ...]]", value.__reduce__())
        return self._calls.call_of(self._ref(func, what, where), [self._ref(arg, what, where) for arg in args])

    # -- what shows another object -----------------------------------------------------------------------------------

    def _proxy(self, value: object, what: str, where: str) -> Ref | None:
        return self._calls.call("types:MappingProxyType", [self._ref(gc.get_referents(value)[0], what, where)])

    def _view(self, value: object, what: str, where: str) -> Ref | None:
        inner = self._ref(gc.get_referents(value)[0], what, where)
        return inner and self._calls.call_of(inner.at(("attr", _VIEWS[type(value)])), [])

    def _iterator(self, value: object, what: str, where: str) -> Ref | None:
        """Provide an iterator with what is left of it. What it goes through stays what others have, too."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 deprecates this for itertools; 3.14 does without
            reduced = cast("tuple[object, ...]", value.__reduce__())
        func, args = reduced[0], cast("tuple[object, ...]", reduced[1])
        parts = [self._ref(part, f"{what}, argument {i}", where) for i, part in enumerate(args)]
        made = self._calls.call_of(self._ref(func, what, where), parts)
        if made is not None and len(reduced) > 2 and reduced[2] is not None:
            self._provider.link(value, made)
            self._calls.late(made.at(("attr", "__setstate__")), [self._ref(reduced[2], what, where)])
        return made

    def _simple_queue(self, value: object, what: str, where: str) -> Ref | None:
        queue = cast("SimpleQueue[object]", value)
        waiting = [queue.get_nowait() for _ in range(queue.qsize())]  # there is no other way to look at them
        for item in waiting:
            queue.put(item)
        made = self._calls.call("queue:SimpleQueue", [])
        if made is not None:
            self._provider.link(value, made)
            for i, item in enumerate(waiting):
                self._calls.late(made.at(("attr", "put")), [self._ref(item, f"{what}[{i}]", where)])
        return made

    def _thread_local(self, value: object, what: str, where: str) -> Ref | None:
        """Provide what this thread has of it."""
        made = self._calls.call("threading:local", [])
        if made is not None:
            self._provider.link(value, made)
            parts = {name: self._ref(part, f"{what}.{name}", where) for name, part in vars(value).items()}
            self._calls.set(made, parts)
        return made

    # -- weak references ---------------------------------------------------------------------------------------------

    def _weak_reference(self, value: object, what: str, where: str) -> Ref | None:
        reference = cast("weakref.ref[object]", value)
        target = reference()
        if target is None or cast("object", reference.__callback__) is not None:
            return None
        return self._calls.call("weakref:ref", [self._kept(self._ref(target, f"{what}()", where))])

    def _weak_method(self, value: object, what: str, where: str) -> Ref | None:
        method = cast("weakref.WeakMethod[Callable[[], object]]", value)()
        if not isinstance(method, types.MethodType):
            return None
        self._kept(self._ref(method.__self__, f"{what}()", where))
        return self._calls.call("weakref:WeakMethod", [self._ref(method, f"{what}()", where)])

    def _weak_container(self, value: object, what: str, where: str) -> Ref | None:
        made = self._calls.call(f"weakref:{type(value).__name__}", [])
        if made is None:
            return None
        self._provider.link(value, made)
        if isinstance(value, weakref.WeakSet):
            content = in_fixed_order(value)
        else:
            content = list(cast("weakref.WeakKeyDictionary[object, object]", value).items())
        refs = [self._ref(part, f"{what}[{i}]", where) for i, part in enumerate(content)]
        if content and (part := items(refs)) is not None:
            self._calls.late(made.at(("attr", "update")), [self._kept(part)])
        return made

    def _kept(self, ref: Ref | None) -> Ref | None:
        """Let the job keep an object that is alive here by a reference that is not sent."""
        if ref is not None:
            self._provider.name_for(ref)
        return ref


def default_of(variable: contextvars.ContextVar[object]) -> object:
    """Return the default value of a context variable, or UNSET."""
    try:
        return contextvars.Context().run(variable.get)
    except LookupError:
        return UNSET


def is_type_expression(value: object) -> bool:
    """Say whether a value is a type with arguments, a union of types, or a variable for a type."""
    return isinstance(value, types.UnionType) or type(value).__module__ in ("typing", "typing_extensions")


def is_of_this_process(kind: type) -> bool:
    """Say whether objects of a class stand for something of this process, which no job can have."""
    return any(f"{base.__module__}.{base.__qualname__}" in _OF_THIS_PROCESS for base in kind.__mro__)


def _is_bare(value: object) -> bool:
    """Say whether an object has nothing but its identity."""
    kind = type(value)
    return kind is object or (
        kind.__base__ is object and is_python_class(kind) and "__dict__" in vars(kind) and not vars(value)
    )


def reason_of(value: object) -> str:
    """Return why such an object is no data."""
    kind = type(value)
    names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
    why = next((_OF_THIS_PROCESS[name] for name in names if name in _OF_THIS_PROCESS), "which is not data")
    return f"is a {type_name(value)}, {why}"


def is_iterator(value: object) -> bool:
    """Say whether a value is an iterator of Python's own that can be asked for what is left of it."""
    kind = type(value)
    return kind.__module__ == "itertools" or (
        kind.__module__ == "builtins"
        and hasattr(kind, "__next__")
        and not isinstance(value, types.GeneratorType | types.AsyncGeneratorType | types.CoroutineType)
    )
