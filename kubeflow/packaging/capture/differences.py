# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""What was done to classes after their definitions: the live state against what the text makes."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import typing
from collections.abc import Callable, Mapping
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType
from typing import cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.class_body import CONTAINERS, Outcome
from kubeflow.packaging.capture.class_facts import changed_facts, changed_fields, new_defaults
from kubeflow.packaging.capture.class_text import raw_functions_of
from kubeflow.packaging.capture.edits import attribute, is_structural, mangled, method_decorators, own_decorators
from kubeflow.packaging.capture.function_differences import FunctionDifferences
from kubeflow.packaging.capture.module_steps import Ref, Step
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import is_atom
from kubeflow.packaging.source.definitions import (
    Origin,
    bound_names,
    cell_content,
    is_of_user,
    made_by,
    raw_function,
    raw_functions,
    statements,
)
from kubeflow.packaging.source.importable import import_path

# What Python itself writes into a class.
_MADE_BY_PYTHON = frozenset(
    {"__module__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__",
     "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__",
     "__parameters__", "__orig_bases__", "__slotnames__", "__slots__", "__classcell__", "__type_params__",
     "__classdictcell__", "__doc__", "_abc_impl", "_is_protocol", "_is_runtime_protocol", "__hash__",
     "__non_callable_proto_members__", "__protocol_attrs__", "__match_args__"}
)  # fmt: skip
_OF_A_MEMBER = frozenset({"_value_", "_name_", "_sort_order_"})
_PLAIN_METACLASSES = (type, abc.ABCMeta, type(typing.Protocol))
_PLAIN_MODULES = frozenset({"builtins", "typing", "abc", "collections.abc"})


@dataclasses.dataclass(frozen=True, slots=True)
class ClassStatement:
    """The statement of a class.

    Attributes:
        node: The statement.
        origin: The text that has it.
        names: What names mean around it.
        outcomes: What becomes of attributes: see `Edits`.
    """

    node: ast.ClassDef
    origin: Origin
    names: Mapping[str, object]
    outcomes: Mapping[tuple[int, str], Outcome]


class Differences:
    """Sends what classes have become since they were defined; `functions` does so for functions."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self.functions = FunctionDifferences(provider)

    # -- classes ---------------------------------------------------------------------------------------------

    def link_methods(
        self, cls: type, ref: Ref, node: ast.ClassDef, origin: Origin, names: Mapping[str, object]
    ) -> None:
        """Let the functions and containers that the text of a class makes be found in it."""
        for statement in statements(node.body):
            if isinstance(statement, ast.ClassDef):
                inner = attribute(cls, statement.name)
                if isinstance(inner, type) and made_by(inner, statement, origin):
                    place = ref.at(("vars", statement.name))
                    self._provider.link(inner, place)
                    self.link_methods(inner, place, statement, origin, names)
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            value = attribute(cls, statement.name)
            raw = raw_function(value, statement, origin)
            if raw is None:
                continue
            own = self._dropped(statement, node, value, names)
            place = ref.at(("vars", mangled(cls, statement.name)))
            if not own:
                self._provider.link(raw, place.at(*_path_to(value, raw)))
            elif len(own) == len(statement.decorator_list):
                self._provider.link(raw, self._kept(place))

    def _dropped(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        around: ast.ClassDef,
        value: object,
        names: Mapping[str, object],
    ) -> list[ast.expr]:
        """Return the decorators that are left out of the text of a method."""
        if not is_structural(value, self._provider):
            return []
        return method_decorators(node, around, self._provider, names)

    def method_of_text(self, cls: type, raw: FunctionType, node: ast.ClassDef) -> Ref | None:
        """Return the function that the text of a class makes under a name that means another one by now."""
        ref = self._provider.known(cls)
        written = [s for s in statements(node.body) if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
        method = next((s for s in written if s.name == raw.__code__.co_name and not s.decorator_list), None)
        if ref is None or method is None:
            return None
        kept = self._kept(ref.at(("vars", mangled(cls, method.name))))
        self._provider.link(raw, kept)
        self.functions.function(raw, kept, method)
        return kept

    def _kept(self, place: Ref) -> Ref:
        """Return what is at a place before later steps put something else there."""
        return self._record.make(self._record.reserve(), {"do": "alias", "of": place.operand}, place)

    def of_class(self, cls: type, ref: Ref, text: ClassStatement) -> None:
        """Send the attributes of a class that its text does not make as they are now."""
        node, origin, names = text.node, text.origin, text.names
        bound: dict[str, ast.stmt] = {}
        for statement in statements(node.body):
            bound |= {mangled(cls, name): statement for name, _ in bound_names(statement)}
        machinery = self._has_machinery(cls, node, names)
        where = f"{origin.label}:{node.lineno}"
        changed: dict[str, object] = {}
        for name, value in vars(cls).items():
            if name not in bound:
                if not self._is_made(cls, name, value, machinery=machinery):
                    changed[name] = value
            elif self._differs(cls, ref.at(("vars", name)), name, bound[name], text):
                changed[name] = value
        home = next((function.__globals__ for function in raw_functions_of(cls)), self._provider.namespace)
        changed |= changed_facts(cls, node, self._provider.origins, home, machinery=machinery)
        gone = [n for n, s in bound.items() if n not in vars(cls) and _is_lasting(s, n)] if not machinery else []
        self.functions.set(ref, changed, f"{cls.__qualname__}.", where, gone)
        self._registered(cls, ref)
        if (defaults := new_defaults(cls)) is not None:
            self.functions.set(
                ref.at(("attr", "__new__")), {"__defaults__": defaults}, f"{cls.__qualname__}.__new__.", where
            )
        for name, default in changed_fields(cls).items():
            place = ref.at(("vars", "__dataclass_fields__"), ("item", name))
            self.functions.set(place, {"default": default}, f"the field {cls.__qualname__}.{name}.", where)
        written = {
            mangled(cls, s.target.id): s.annotation
            for s in statements(node.body)
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        }
        self.functions.annotations(cls, written, ref)
        if isinstance(cls, enum.EnumMeta):
            for member in cast("Mapping[str, object]", cls.__members__).values():
                added = {n: v for n, v in vars(member).items() if n not in _OF_A_MEMBER and not n.startswith("__")}
                place = ref.at(("attr", str(cast("enum.Enum", member).name)))
                self.functions.set(place, added, f"{cls.__qualname__}.", where)

    def _registered(self, cls: type, ref: Ref) -> None:
        """Register again what was registered with an abstract base class."""
        if not isinstance(cls, abc.ABCMeta):
            return
        # The C implementation of ABCMeta keeps this registry, and shows it only to its own debugging function.
        dump = cast("Callable[[type], tuple[set[Callable[[], type | None]], object]]", vars(abc)["_get_dump"])
        virtual = [found for weak in dump(cls)[0] if (found := weak()) is not None]
        for each in sorted(virtual, key=lambda found: f"{found.__module__}.{found.__qualname__}"):
            value = self._provider.ref(each, f"{cls.__qualname__}.register({each.__qualname__})", "")
            if value is not None:
                call = Ref({"path": "abc:ABCMeta.register"})
                step: Step = {"do": "call", "func": call.operand, "args": [ref.operand, value.operand]}
                self._record.late(step, ref, value)

    def _has_machinery(self, cls: type, node: ast.ClassDef, names: Mapping[str, object]) -> bool:
        """Say whether a library's decorator, base class or metaclass puts attributes into a class."""
        own = own_decorators(node, self._provider, names)
        hooked = [base for base in cls.__mro__[1:] if "__init_subclass__" in vars(base)]
        library = any(base.__module__ not in _PLAIN_MODULES and import_path(base) is not None for base in hooked)
        made_by_library = len(own) < len(node.decorator_list) or type(cls) not in _PLAIN_METACLASSES
        return made_by_library or library or (issubclass(cls, tuple) and "_fields" in vars(cls))

    def _is_made(self, cls: type, name: str, value: object, *, machinery: bool) -> bool:
        """Say whether an attribute that the text does not bind comes with the class all the same."""
        if name in _MADE_BY_PYTHON or isinstance(value, MemberDescriptorType | GetSetDescriptorType):
            return True
        functions = list(raw_functions(value)) if not isinstance(value, type) else []
        is_magic = name.startswith("__") and name.endswith("__")
        if machinery and is_magic and isinstance(value, FunctionType) and not is_of_user(value):
            return True  # the `__init__` of a dataclass, whose closure has the user's default factories
        if any(is_of_user(function) for function in functions):
            return False
        if is_magic:
            return machinery or isinstance(value, WrapperDescriptorType) or not functions
        if isinstance(cls, enum.EnumMeta):
            return name.startswith("_") or isinstance(value, cls) or not is_atom(value)
        return machinery and not is_atom(value) and not isinstance(value, CONTAINERS)

    def _differs(self, cls: type, place: Ref, name: str, node: ast.stmt, text: ClassStatement) -> bool:
        """Say whether an attribute must be set; what the text makes is linked, and adjusted inside."""
        value = vars(cls)[name]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            raw = raw_function(value, node, text.origin)
            if raw is None:
                # Made of it by a decorator that hides it, or another function by now.
                return not node.decorator_list or any(is_of_user(f) for f in raw_functions(value))
            known = self._provider.known(raw)
            if known is not None:
                self.functions.function(raw, known, node)
            if isinstance(value, functools.singledispatchmethod):
                methods = cast("functools.singledispatchmethod[object]", value).dispatcher
                inside = range(text.node.lineno, (text.node.end_lineno or text.node.lineno) + 1)
                self._provider.afterwards(
                    lambda: self.functions.dispatch(methods, place.at(("attr", "dispatcher")), inside)
                )
            own = self._dropped(node, text.node, value, text.names)
            return bool(own) and value is not raw
        if isinstance(node, ast.ClassDef):
            if not isinstance(value, type) or not made_by(value, node, text.origin):
                return True
            inner = dataclasses.replace(text, node=node)
            self._provider.afterwards(lambda: self.of_class(value, place, inner))
            return False
        if isinstance(cls, enum.EnumMeta) or isinstance(value, MemberDescriptorType):
            return False
        return self._assignment_differs(cls, place, name, node, text)

    def _assignment_differs(self, cls: type, place: Ref, name: str, node: ast.stmt, text: ClassStatement) -> bool:
        value = vars(cls)[name]
        fields: Mapping[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__", {})
        if name in fields and fields[name].default is not value:
            return True  # the default of the field stays, the attribute of the class was set later
        found = text.outcomes.get((id(cls), name), "replace")
        known = self._provider.known(value)
        if found == "text":
            if known is None and isinstance(value, CONTAINERS):
                self._provider.link(value, place)
            return False
        if found == "fill" and known is None:
            self._provider.link(value, place)
            self._provider.fill(value, place, f"{cls.__qualname__}.{name}")
            return False
        return not isinstance(node, ast.Import | ast.ImportFrom)


def _is_lasting(node: ast.stmt, name: str) -> bool:
    """Say whether a statement binds a name that stays unless someone deletes it."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _path_to(value: object, wanted: FunctionType, depth: int = 0) -> list[tuple[str, str]]:
    """Return the way from a decorated function to what was decorated, as places of an operand."""
    if value is wanted or depth > _DEPTH:
        return []
    parts: list[tuple[tuple[str, str], object]] = []
    if isinstance(value, staticmethod | classmethod):
        parts = [(("attr", "__func__"), value.__func__)]
    elif isinstance(value, property):
        parts = [(("attr", name), getattr(value, name)) for name in ("fget", "fset", "fdel")]
    elif isinstance(value, FunctionType):
        parts = [(("attr", name), part) for name, part in vars(value).items() if callable(part)]
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        parts += [(("cell", name), _Cell(cell_content(cell))) for name, cell in cells]
    elif value is not None and not isinstance(value, type):
        state = inspect.getattr_static(value, "__dict__", None)
        own = vars(value) if isinstance(state, dict | GetSetDescriptorType) else {}
        parts = [(("attr", name), part) for name, part in own.items() if callable(part)]
    for place, part in parts:
        inner = part.content if isinstance(part, _Cell) else part
        step = [place, ("attr", "cell_contents")] if isinstance(part, _Cell) else [place]
        if inner is wanted:
            return step
        rest = _path_to(inner, wanted, depth + 1) if callable(inner) else []
        if rest:
            return [*step, *rest]
    return []


@dataclasses.dataclass(frozen=True, slots=True)
class _Cell:
    content: object


_DEPTH = 8  # decorators on one function
