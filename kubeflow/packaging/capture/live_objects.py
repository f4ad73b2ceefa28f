# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Values that no definition makes: containers, objects, partials, methods.

What can change is sent as an empty one of its type, with its identity, and then given the content that it has now.
"""

from __future__ import annotations

import enum
import functools
import logging
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Sequence
from types import BuiltinFunctionType, MethodType
from typing import cast

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.calls import Calls, items
from kubeflow.packaging.capture.class_facts import new_defaults
from kubeflow.packaging.capture.constructors import LRU_CACHE
from kubeflow.packaging.capture.content_views import view_of
from kubeflow.packaging.capture.library_objects import LibraryObjects, is_library_object, reason_of
from kubeflow.packaging.capture.loggers import job_state
from kubeflow.packaging.capture.module_steps import Operand, Ref, Step
from kubeflow.packaging.capture.object_state import (
    MUTABLE,
    base_of,
    is_long,
    is_python_class,
    mutable_parts,
    namespace_of,
    ordered,
    state_of,
)
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, is_atom, same, static_value
from kubeflow.packaging.remote import codec
from kubeflow.packaging.source.definitions import is_of_user
from kubeflow.packaging.source.importable import import_path
from kubeflow.packaging.tagged_json.encoder import encode

ELSEWHERE = "Create it inside the function, pass plain data as an argument, or move it into a module of its own"
_IMMUTABLE = (tuple, frozenset, str, int, float, bytes)
_MADE_BY_TYPE = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__", "__slotnames__"}
)


class Objects:
    """Provides values by what they hold."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self._calls = Calls(provider.record)
        self._library = LibraryObjects(provider)

    # -- data ------------------------------------------------------------------------------------------------

    def data(self, value: object, initial: ast.expr | None = None) -> Ref | codec.CodecError:
        """Provide a value that is data all through, or return why it is not.

        Args:
            value: The value.
            initial: The expression that made it, if it is known: code that runs while the module is built sees what
                that gives, as it did here.
        """
        if is_library_object(value) or (isinstance(value, BaseException) and _has_cause(value)):
            return codec.CodecError("", reason_of(value), value)
        if (view := view_of(value, self._has)) is not None:
            shown = [self._provider.ref(arg, f"what a {type(value).__name__} shows", "") for arg in view.args]
            return self._calls.call(view.maker, shown) or codec.CodecError("", "shows what is no data", value)
        inside = list(mutable_parts(value))
        identities = [id(part) for part, _ in inside]
        opaque = any(place is None or (place and type(part) not in MUTABLE) for part, place in inside)
        if opaque or len(set(identities)) < len(identities) or any(self._provider.known(part) for part, _ in inside):
            return codec.CodecError("", "holds objects of its own", value)
        try:
            ref = self._encoded(value)
        except codec.CodecError as error:
            return error
        if not inside:
            return ref
        if ref.needs and type(value) in MUTABLE:
            # Makers may need the container, and be in it.
            return codec.CodecError("", "holds objects of classes that the job defines", value)
        number = self._record.reserve()
        made = self._record.make(number, {"do": "alias", "of": ref.operand}, ref)
        for part, place in inside:
            self._provider.link(part, made.at(*place) if place else made)
        if initial is not None and type(value) in MUTABLE:
            self._changed_since(number, value, initial, made)
        return made

    def _encoded(self, value: object) -> Ref:
        if isinstance(value, str | int | type(None)) and is_atom(value) and not is_long(value):
            return Ref({"value": value})
        needs: list[int] = []

        def refer(cls: object) -> str | None:
            if not isinstance(cls, type):
                return import_path(cls)
            path, ref = self._provider.referred(cls)
            if ref is not None:
                needs.extend(ref.needs)
            return path

        def outside(part: object, _: str) -> None:
            if isinstance(part, bytes):
                self._provider.read_bytes(part)

        return Ref({"value": encode(value, refer, outside)}, tuple(needs))

    def _changed_since(self, number: int, value: object, initial: ast.expr, made: Ref) -> None:
        """Let code that runs while the module is built meet the container as it was made, and fill it at the end."""
        first = static_value(initial, {})
        if first is UNKNOWN and isinstance(initial, ast.Call) and not initial.args:
            first = type(value)()
        if type(first) is not type(value) or same(value, first):
            return
        try:
            before: Operand = {"value": encode(first)}
        except codec.CodecError:
            return
        self._record.changed(number, before, self._filling(value, made, self._record.nodes[number].step))

    def _filling(self, value: object, made: Ref, step: Step | None) -> Step:
        base = _container_base(type(value))
        return {"do": "fill", "of": made.operand, "base": base, "items": cast("Step", step)["of"]}

    # -- everything else -------------------------------------------------------------------------------------

    def other(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        """Provide a value that is neither data nor has a text of its own; None after a finding."""
        if isinstance(value, functools.partial):
            return self._partial(cast("functools.partial[object]", value), what, where)
        if isinstance(value, MethodType):
            owner = self._provider.ref(value.__self__, what, where)
            if (
                isinstance(value.__self__, type)
                or getattr(type(value.__self__), value.__name__, None) is value.__func__
            ):
                return self._calls.call("builtins:getattr", [owner, Ref({"value": value.__name__})])
            return self._calls.call("types:MethodType", [self._provider.ref(value.__func__, what, where), owner])
        if isinstance(value, BuiltinFunctionType) and value.__self__ is not None:
            return self._calls.call(
                "builtins:getattr", [self._provider.ref(value.__self__, what, where), Ref({"value": value.__name__})]
            )
        if isinstance(value, staticmethod | classmethod):
            return self._calls.call(
                f"builtins:{type(value).__name__}", [self._provider.ref(value.__func__, what, where)]
            )
        if isinstance(value, property):
            parts = (value.fget, value.fset, value.fdel, value.__doc__)
            return self._calls.call("builtins:property", [self._provider.ref(part, what, where) for part in parts])
        if isinstance(value, LRU_CACHE):
            limits = value.cache_parameters()
            arguments = [Ref({"value": limits["maxsize"]}), Ref({"value": limits["typed"]})]
            cache = self._calls.call("functools:lru_cache", arguments)
            made = cache and self._calls.call_of(cache, [self._provider.ref(value.__wrapped__, what, where)])
            if made is not None:  # decorators copy this attribute
                self._provider.link(value.cache_parameters, made.at(("attr", "cache_parameters")))
            return made
        if isinstance(value, enum.Enum):
            cls = self._provider.ref(type(value), what, where)
            if type(value).__members__.get(str(value.name)) is not value:  # flags that are combined have no name
                return self._calls.call_of(cls, [self._provider.ref(value.value, what, where)])
            return cls and self._calls.call("builtins:getattr", [cls, Ref({"value": value.name})])
        found = len(self._record.findings)
        known = self._library.provide(value, what, where)
        if known is not None or len(self._record.findings) > found:
            return known
        if type(value) in (tuple, frozenset):
            inside = [self._provider.ref(part, f"{what}[{i}]", where) for i, part in enumerate(ordered(value))]
            made = self._calls.call(f"builtins:{type(value).__name__}", [items(inside)])
            self._hashes(made, value)
            return made
        base = base_of(type(value))
        if base is not None:
            return self._object(value, base, what, where, initial)
        return None

    def _has(self, value: object) -> bool:
        """Say whether the job has an object, or the user's module a name for it."""
        return self._provider.known(value) is not None or any(v is value for v in self._provider.namespace.values())

    def _hashes(self, ref: Ref | None, value: object) -> None:
        """Let what makes a frozen set come after the state of its items: code of the user's may hash them."""
        if ref is not None and isinstance(value, frozenset) and not all(map(is_atom, value)):
            for number in ref.needs:
                self._record.nodes[number].runs_code = True

    def _partial(self, value: functools.partial[object], what: str, where: str) -> Ref | None:
        func = self._provider.ref(value.func, what, where)
        args = [self._provider.ref(v, f"{what}, argument {i}", where) for i, v in enumerate(value.args)]
        keywords = {k: self._provider.ref(v, f"{what}, argument {k}", where) for k, v in value.keywords.items()}
        cls = self._provider.ref(type(value), what, where)
        if type(value) is functools.partial:
            made = self._calls.call("functools:partial", [func, *args], keywords)
        else:  # `__new__` of the class may take other arguments
            made = self._calls.call("functools:partial.__new__", [cls, func, *args], keywords)
        if made is not None and any(state_of(value)):
            self._provider.link(value, made)
            self._provider.afterwards(lambda: self.fill(value, made, what, where, late=True))
        return made

    def made_class(self, cls: type, what: str, where: str) -> Ref | None:
        """Provide a class that a call made: a named tuple, or `type(name, bases, attributes)`."""
        fields: object = getattr(cls, "_fields", None)
        if (
            issubclass(cls, tuple)
            and isinstance(fields, tuple)
            and "_field_defaults" in vars(cls)
            and not _has_functions(cls)
        ):
            defaults = list(cast("dict[str, object]", vars(cls)["_field_defaults"]).values())
            ref = self._provider.ref(defaults, f"{what}._field_defaults", where)
            names = Ref({"value": [cls.__name__, list(cast("tuple[str, ...]", fields))]})
            keywords = {"defaults": ref, "module": Ref({"value": cls.__module__})}
            arguments = cast("list[object]", names.operand["value"])
            made = self._calls.call("collections:namedtuple", [Ref({"value": part}) for part in arguments], keywords)
            if made is not None and (other := new_defaults(cls)) is not None:
                ref = self._provider.ref(other, f"{what}.__new__.__defaults__", where)
                self._calls.set(made.at(("attr", "__new__")), {"__defaults__": ref})
            return made
        if type(cls) is not type or not is_python_class(cls):
            return None
        bases = self._provider.ref(cls.__bases__, f"{what}.__bases__", where)
        added = {n: v for n, v in vars(cls).items() if n not in _MADE_BY_TYPE}
        atoms = {n: v for n, v in added.items() if isinstance(v, str)} | {"__qualname__": cls.__qualname__}
        ref = self._calls.call("builtins:type", [Ref({"value": cls.__name__}), bases, Ref({"value": atoms})])
        if ref is not None:
            self._provider.link(cls, ref)
            self._provider.afterwards(
                lambda: self._calls.set(ref, {n: self._provider.ref(v, f"{what}.{n}", where) for n, v in added.items()})
            )
        return ref

    # -- objects with a state --------------------------------------------------------------------------------

    def _object(self, value: object, base: type, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        kind = type(value)
        cls = self._provider.ref(kind, what, where)
        if cls is None:
            return None
        args: list[Ref | None] = []
        if base in _IMMUTABLE:
            content: object = getattr(base, "__getnewargs__")(value)[0] if base is not frozenset else ordered(value)  # noqa: B009
            args = [self._provider.ref(content, what, where)]
        elif isinstance(value, BaseException):
            arguments = value.args
            args = [self._provider.ref(part, f"{what}.args", where) for part in arguments]
        if any(arg is None for arg in args):
            return None
        if base is deque:
            limit = cast("deque[object]", value).maxlen
            ref = self._calls.call_of(cls, [Ref({"value": []}), Ref({"value": limit})] if limit is not None else [])
            if ref is None:
                return None
        else:
            refs = [arg for arg in args if arg is not None]
            path = f"{base.__module__}:{base.__qualname__}"
            step: Step = {"do": "new", "base": path, "class": cls.operand, "args": [arg.operand for arg in refs]}
            ref = self._record.make(self._record.reserve(), step, cls, *refs)
            self._hashes(ref, value)
        self._provider.link(value, ref)
        self._provider.afterwards(lambda: self.fill(value, ref, what, where, initial))
        if isinstance(value, BaseException) and _has_cause(value):
            self._provider.afterwards(lambda: self._causes(value, ref, what, where))
        if isinstance(value, logging.Handler):  # it is flushed when the process ends
            self._calls.late(Ref({"path": "logging:_addHandlerRef"}), [ref])
        return ref

    def _causes(self, value: BaseException, ref: Ref, what: str, where: str) -> None:
        causes = {"__context__": value.__context__, "__cause__": value.__cause__}
        refs = {n: self._provider.ref(v, f"{what}.{n}", where) for n, v in causes.items() if v is not None}
        self._calls.set(ref, refs | {"__suppress_context__": Ref({"value": value.__suppress_context__})})

    def fill(
        self,
        value: object,
        ref: Ref,
        what: str,
        where: str = "",
        initial: ast.expr | None = None,
        *,
        late: bool = False,
    ) -> None:
        """Give an object that the job has at `ref` the content and the state that `value` has here.

        Args:
            value: The object.
            ref: Where the job has it.
            what: How the user calls it.
            where: The line that uses it.
            initial: The expression that made it, if it is known.
            late: True to fill it at the end only, because what made it in the job gave it the content it had first.
        """
        late = late or _is_empty(initial)
        step: Step
        content = self._content(value, what, where, initial) if isinstance(value, list | dict | set | deque) else None
        if content is not None:
            step = {"do": "fill", "of": ref.operand, "base": _container_base(type(value)), "items": content.operand}
            hashes = isinstance(value, dict | set) and not all(map(is_atom, cast("Iterable[object]", value)))
            self._add(step, ref, [content], late=late, hashes_users=hashes)
        if isinstance(value, defaultdict):
            factory = self._provider.ref(value.default_factory, f"{what}.default_factory", where)
            if factory is not None and value.default_factory is not None:
                step = {"do": "set", "of": ref.operand, "attrs": {"default_factory": factory.operand}}
                self._add(step, ref, [factory], late=False)
        state, slots = state_of(value)
        namespace = namespace_of(value)
        if state and (shared := self._provider.known(namespace)) is not None:
            # Several objects have one dictionary of attributes, or it has a name of its own.
            arguments = [ref, Ref({"value": "__dict__"}), shared]
            self._calls.late(Ref({"path": "builtins:object.__setattr__"}), arguments)
            state = {}
        elif state:
            self._provider.link(namespace, ref.at(("attr", "__dict__")))
        if isinstance(value, logging.FileHandler):
            state = job_state(value, state)
        parts = {n: self._provider.ref(v, f"{what}.{n}", where) for n, v in state.items()}
        more = {n: self._provider.ref(v, f"{what}.{n}", where) for n, v in slots.items()}
        known = [r for r in (*parts.values(), *more.values()) if r is not None]
        if len(known) == len(parts) + len(more) and known:
            step = {"do": "state", "of": ref.operand}
            step |= {"dict": {n: r.operand for n, r in parts.items() if r}} if parts else {}
            step |= {"slots": {n: r.operand for n, r in more.items() if r}} if more else {}
            self._add(step, ref, known, late=late)

    def _add(self, step: Step, ref: Ref, reads: Sequence[Ref], *, late: bool, hashes_users: bool = False) -> None:
        if late:
            self._record.late(step, ref, *reads)
            return
        number = self._record.reserve()
        node = self._record.nodes[number]
        node.step, node.runs_code = step, hashes_users  # their state must be there
        node.reads(ref, *reads)
        self._record.repeat(number)
        for needed in ref.needs:
            self._record.nodes[needed].soft[number] = None

    def _content(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        if isinstance(value, dict):
            table = cast("dict[object, object]", value)
            pairs = list(dict.items(table))
            inner = _initial_items(initial)
            keys = [self._provider.ref(k, f"{what}.keys()", where) for k, _ in pairs]
            values = [
                self._provider.ref_made_by(v, f"{what}[{k!r}]", where, inner.get(k) if is_atom(k) else None)
                for k, v in pairs
            ]
            refs = [ref for pair in zip(keys, values, strict=True) for ref in pair]
        else:
            parts = ordered(value)
            refs = [self._provider.ref(part, f"{what}[{i}]", where) for i, part in enumerate(parts)]
        return items(refs)


def _has_cause(error: BaseException) -> bool:
    return error.__cause__ is not None or error.__context__ is not None


def _has_functions(cls: type) -> bool:
    return any(isinstance(value, types.FunctionType) and is_of_user(value) for value in vars(cls).values())


def _initial_items(node: ast.expr | None) -> dict[object, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}


def _is_empty(node: ast.expr | None) -> bool:
    """Say whether an expression makes an empty container."""
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.List | ast.Tuple):
        return not node.elts
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        return False
    return node.func.id in _EMPTY and len(node.args) == (node.func.id == "defaultdict")


_EMPTY = frozenset({"dict", "list", "set", "deque", "OrderedDict", "defaultdict", "Counter"})


def _container_base(kind: type) -> str:
    base = next(b for b in (OrderedDict, dict, list, set, deque) if issubclass(kind, b))
    return f"{base.__module__}:{base.__qualname__}"
