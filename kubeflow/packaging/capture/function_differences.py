# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""What was done to functions after their definitions: the live state against what the text makes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Container, Iterable, Mapping
from types import FunctionType, GetSetDescriptorType
from typing import cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture import packed_function
from kubeflow.packaging.capture.class_body import CONTAINERS
from kubeflow.packaging.capture.edited_files import essence
from kubeflow.packaging.capture.module_steps import Operand, Ref, Step
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import is_atom
from kubeflow.packaging.source.parser import parse

_FUNCTION_ATTRIBUTES = ("__name__", "__qualname__", "__module__")


class FunctionDifferences:
    """Sends what functions have become since they were defined."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record

    def function(
        self, function: FunctionType, ref: Ref, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> None:
        """Send what was set on a function, later than its text sets it or by decorators that are left out."""
        self._check_code(function)
        attributes = dict(vars(function))
        natural = {
            "__name__": "<lambda>" if isinstance(node, ast.Lambda) else node.name,
            "__qualname__": _natural_qualname(function),
        }
        natural["__module__"] = str(function.__globals__.get("__name__", ""))
        for fact in _FUNCTION_ATTRIBUTES:
            value: object = getattr(function, fact)
            if value != natural[fact]:
                attributes[fact] = value
        doc, written = function.__doc__, None if isinstance(node, ast.Lambda) else ast.get_docstring(node, clean=False)
        if doc != written and (doc is None or written is None or inspect.cleandoc(doc) != inspect.cleandoc(written)):
            attributes["__doc__"] = doc
        if len(function.__defaults__ or ()) != len(node.args.defaults):
            attributes["__defaults__"] = function.__defaults__
        keywords = {a.arg for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None}
        if (function.__kwdefaults__ or {}).keys() != keywords:
            attributes["__kwdefaults__"] = function.__kwdefaults__
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
        annotated = {a.arg: a.annotation for a in arguments if a is not None and a.annotation is not None}
        if not isinstance(node, ast.Lambda) and node.returns is not None:
            annotated["return"] = node.returns
        self.annotations(function, annotated, ref)
        if attributes:
            label = function.__qualname__
            self._provider.afterwards(lambda: self.set(ref, attributes, f"{label}.", ""))

    def _check_code(self, function: FunctionType) -> None:
        """Add a finding when the code of a function was replaced by some that no text makes."""
        code, origin = function.__code__, self._provider.origins.origin(function.__code__.co_filename)
        if origin is None or self._provider.namespace is not vars(sys.modules["__main__"]):
            return  # what imports modules may rewrite their code: pytest, type checkers
        made = [c for c in origin.codes if (c.co_name, c.co_firstlineno) == (code.co_name, code.co_firstlineno)]
        # Bytecode depends on what else is compiled with it; notebooks compile statement by statement.
        found = essence(code, with_bytecode=False)
        if made and all(essence(each, with_bytecode=False) != found for each in made):
            self._record.find(
                f"function {function.__qualname__}", "its code is not that of its text any more",
                f"Define it again, or {packed_function.USE}", f"{origin.label}:{code.co_firstlineno}",
            )  # fmt: skip

    def annotations(self, owner: FunctionType | type, written: Mapping[str, ast.expr], ref: Ref) -> None:
        """Send annotations that are not those of the text. From Python 3.14 on, reading them runs the user's code."""
        if sys.version_info >= (3, 14):
            return
        found = vars(owner).get("__annotations__", {}) if isinstance(owner, type) else owner.__annotations__
        live = cast("dict[str, object]", found)
        fields: Mapping[str, dataclasses.Field[object]] = vars(owner).get("__dataclass_fields__", {})
        is_other = live.keys() != written.keys()
        for name, value in live.items() if not is_other else ():
            is_other = is_other or (name in fields and fields[name].type is not value)
            is_other = is_other or (isinstance(value, str) and not _is_text_of(value, written[name]))
        if is_other:
            what = f"{owner.__qualname__}."
            self._provider.afterwards(lambda: self.set(ref, {"__annotations__": live}, what, ""))

    def all_of(self, function: FunctionType, ref: Ref) -> None:
        """Send all that a function has beside its code and its closure."""
        attributes = dict(vars(function))
        names = (*_FUNCTION_ATTRIBUTES, "__doc__", "__defaults__", "__kwdefaults__")
        attributes |= {name: value for name in names if (value := getattr(function, name)) is not None}
        self.annotations(function, {}, ref)
        label = function.__qualname__
        self._provider.afterwards(lambda: self.set(ref, attributes, f"{label}.", ""))

    def decorated(self, value: object, ref: Ref) -> None:
        """Send what was set on what a library's decorator returned, and let what it wraps be found inside it."""
        inner, place = value, ref
        while (wrapped := _wrapped(inner)) is not None:
            place = place.at(("attr", "__wrapped__"))
            self._provider.link(wrapped, place)
            inner = wrapped
        state = vars(value) if isinstance(value, FunctionType) else {}
        source = _wrapped(value)
        copied = vars(source) if isinstance(source, FunctionType) else {}
        added = {k: v for k, v in state.items() if not k.startswith("__") and (k not in copied or copied[k] is not v)}
        data = {k: v for k, v in added.items() if is_atom(v) or isinstance(v, CONTAINERS)}
        if data:
            self._provider.afterwards(lambda: self.set(ref, data, f"{getattr(value, '__qualname__', '')}.", ""))
        if isinstance(value, FunctionType) and value.__module__ and hasattr(value, "registry"):
            for name in {"registry", "register", "dispatch", "_clear_cache"} & vars(value).keys():
                self._provider.link(vars(value)[name], ref.at(("attr", name)))  # decorators copy these attributes
            self._provider.afterwards(lambda: self.dispatch(value, ref))

    def dispatch(self, function: object, ref: Ref, made: Container[int] = ()) -> None:
        """Register again what was registered with a single-dispatch function, but for functions of the lines `made`."""
        registry = cast("Mapping[type, object]", getattr(function, "registry", {}))
        for cls, implementation in registry.items():
            if cls is object or (
                isinstance(implementation, FunctionType) and implementation.__code__.co_firstlineno in made
            ):
                continue
            what = f"{getattr(function, '__name__', '')}.registry[{cls.__qualname__}]"
            key, value = self._provider.ref(cls, what, ""), self._provider.ref(implementation, what, "")
            if key is not None and value is not None:
                number = self._record.reserve()
                call = ref.at(("attr", "register"))
                step: Step = {"do": "call", "func": call.operand, "args": [key.operand, value.operand]}
                self._record.make(number, step, call, key, value)
                for needed in ref.needs:
                    self._record.nodes[needed].soft[number] = None

    def set(
        self, ref: Ref, attributes: Mapping[str, object], prefix: str, where: str, gone: Iterable[str] = ()
    ) -> None:
        """Set and delete attributes at the end. `prefix` is how findings begin the name of one."""
        refs = {name: self._provider.ref(value, f"{prefix}{name}", where) for name, value in attributes.items()}
        known = {name: value for name, value in refs.items() if value is not None}
        gone = list(gone)
        if not known and not gone:
            return
        operands: dict[str, Operand] = {name: value.operand for name, value in known.items()}
        step: dict[str, object] = {"do": "set", "of": ref.operand, "attrs": operands}
        self._record.late(step | ({"gone": gone} if gone else {}), ref, *known.values())


def _wrapped(value: object) -> object:
    if not hasattr(type(value), "__dict__") and not isinstance(value, FunctionType):
        return None
    state = inspect.getattr_static(value, "__dict__", None)
    own = vars(value) if isinstance(state, dict | GetSetDescriptorType) and not isinstance(value, type) else {}
    return own.get("__wrapped__")


def _is_text_of(annotation: str, expression: ast.expr) -> bool:
    """Say whether an annotation is the text of an expression, which `from __future__ import annotations` makes it."""
    if isinstance(expression, ast.Constant) and expression.value == annotation:
        return True
    try:
        return ast.dump(parse(annotation, mode="eval").body) == ast.dump(expression)
    except SyntaxError:
        return False


def _natural_qualname(function: FunctionType) -> str:
    return function.__code__.co_qualname
