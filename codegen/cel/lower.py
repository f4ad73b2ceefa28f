"""CEL expressions as source of Python expressions, which call the functions of `kubeflow.core.cel`.

No text of a rule reaches the source except as the literal of a string: names of variables and functions are the
generator's. The type checks of the API server's compiler are repeated as far as the schema allows: a field that the
schema does not declare, an unknown variable and an unknown function are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from codegen.cel.parser import parse
from codegen.cel.regex import translate
from codegen.cel.syntax import (
    Call,
    Entries,
    Expression,
    Has,
    Items,
    Literal,
    Macro,
    NotLowerable,
    Select,
    Variable,
    calls,
    names,
)
from codegen.schema.definitions import Definitions, reference
from codegen.schema.jsontypes import Object

# CEL function -> function of kubeflow.core.cel and its numbers of arguments, the receiver included.
_OPERATORS = {
    "==": "equal", "!=": "differ", "<": "less", "<=": "at_most", ">": "greater", ">=": "at_least", "in": "within",
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo", "negate": "negate", "!": "invert",
    "[]": "index",
}  # fmt: skip
_METHODS = {
    "size": ("size", 1), "startsWith": ("starts_with", 2), "endsWith": ("ends_with", 2), "contains": ("contains", 2),
}  # fmt: skip
_FUNCTIONS = {
    "size": ("size", 1), "int": ("to_int", 1), "double": ("to_double", 1), "string": ("to_string", 1),
    "bool": ("to_bool", 1), "dyn": ("same", 1), "duration": ("to_duration", 1),
}  # fmt: skip
# What durations are fit for here: to be compared.
_OF_DURATIONS = {"==", "!=", "<", "<=", ">", ">=", "in", "duration", "dyn", "||", "&&", "!", "?:"}
_MACROS = {"all": "every", "exists": "some", "exists_one": "one", "filter": "select", "map": "transform"}

# How the API server writes the name of a property that is no CEL identifier.
_ESCAPES = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}
_ESCAPED = re.compile("|".join(_ESCAPES))
_RESERVED = re.compile(
    "__(true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|"
    "void|while)__"
)


@dataclass(frozen=True, slots=True)
class LoweredExpression:
    """A rule as Python source.

    Attributes:
        source: An expression over `cel`, `this` and `old`.
        transition: True when the rule uses `oldSelf`: the API server runs it on updates only.
    """

    source: str
    transition: bool


@dataclass(frozen=True, slots=True)
class _Value:
    source: str
    schema: Object | None = None  # of the value, where it is an object or a list that the schema declares


def lower(text: str, schema: Object, definitions: Definitions, *, root: bool = False) -> LoweredExpression:
    """Return the rule (or message expression) `text` as Python source.

    Args:
        schema: Of the value that the rule stands at: what `self` is.
        definitions: That the schema refers to.
        root: True when the rule stands at the root of a kind: of the metadata, it sees `name` and `generateName` alone.

    Raises:
        NotLowerable: It is no CEL, would not compile against the schema, or uses what is not supported.
    """
    node = parse(text)
    shape = _shape(schema, definitions)
    if root and shape:
        metadata = {"properties": {name: {"type": "string"} for name in ("name", "generateName")}, "type": "object"}
        shape = {**shape, "properties": {**_properties(shape), "metadata": cast("Object", metadata)}}
    scope = {"self": _Value("this", shape), "oldSelf": _Value("old", shape)}
    try:
        source = _Lowering(definitions).value(node, scope).source
        compile(source, "<rule>", "eval")
    except (RecursionError, MemoryError) as error:
        raise NotLowerable("it is too long or too deep") from error
    return LoweredExpression(source, "oldSelf" in names(node))


def _shape(node: Object, definitions: Definitions) -> Object | None:
    target = reference(node)
    full = {**definitions[target], **node} if target else node
    return full if full.get("type") in ("object", "array") else None


def _properties(shape: Object) -> Mapping[str, Object]:
    return cast("Mapping[str, Object]", shape.get("properties", {}))


def _unescaped(name: str) -> str:
    if match := _RESERVED.fullmatch(name):
        return match[1]
    return _ESCAPED.sub(lambda escape: _ESCAPES[escape[0]], name)


@dataclass(frozen=True, slots=True)
class _Lowering:
    definitions: Definitions

    def value(self, node: Expression, scope: Mapping[str, _Value]) -> _Value:
        if isinstance(node, Literal):
            return _Value(_literal(node.value))
        if isinstance(node, Variable):
            if node.name not in scope:
                raise NotLowerable(f"there is no variable {node.name!r}")
            return scope[node.name]
        if isinstance(node, Select | Has):
            return self._field(node, scope)
        if isinstance(node, Items):
            return _Value(f"[{', '.join(self.value(item, scope).source for item in node.items)}]")
        if isinstance(node, Entries):
            pairs = [f"({self.value(k, scope).source}, {self.value(v, scope).source})" for k, v in node.entries]
            return _Value(f"cel.entries([{', '.join(pairs)}])")
        if isinstance(node, Macro):
            return self._macro(node, scope)
        return self._call(node, scope)

    def _field(self, node: Select | Has, scope: Mapping[str, _Value]) -> _Value:
        operand = self.value(node.operand, scope)
        name, schema = self._declared(operand.schema, node.name)
        function = "has" if isinstance(node, Has) else "field"
        return _Value(f"cel.{function}({operand.source}, {name!a})", None if function == "has" else schema)

    def _declared(self, shape: Object | None, name: str) -> tuple[str, Object | None]:
        """Return the wire name of the field `name` and its shape."""
        if shape is None:
            return name, None
        if shape.get("type") != "object":
            raise NotLowerable(f"{name!r} is selected of a list")
        values = shape.get("additionalProperties")
        if isinstance(values, Mapping):
            return name, _shape(values, self.definitions)
        wire = _unescaped(name)
        if wire not in _properties(shape):
            raise NotLowerable(f"the schema declares no field {wire!r} there")
        return wire, _shape(_properties(shape)[wire], self.definitions)

    def _call(self, node: Call, scope: Mapping[str, _Value]) -> _Value:
        if node.name == "matches" and len(node.arguments) == 2:
            subject, pattern = node.arguments
            if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
                raise NotLowerable("matches() with a pattern that is no literal is not supported")
            return _Value(f"cel.matches({self.value(subject, scope).source}, {translate(pattern.value)!a})")
        if node.name not in _OF_DURATIONS and "duration" in calls(*node.arguments):
            raise NotLowerable(f"{node.name} of a duration is not supported")
        values = [self.value(argument, scope) for argument in node.arguments]
        sources = [value.source for value in values]
        if node.name in ("||", "&&"):
            function = "either" if node.name == "||" else "both"
            return _Value(f"cel.{function}(lambda: {sources[0]}, lambda: {sources[1]})")
        if node.name == "?:":
            condition, yes, no = sources
            return _Value(f"({yes} if cel.truth({condition}) else {no})")
        if node.name in _OPERATORS and not node.method:
            if node.name == "+" and any(
                v.schema and v.schema.get("x-kubernetes-list-type") in ("map", "set") for v in values
            ):
                raise NotLowerable("`+` merges lists of type map and set, which is not supported")
            schema = self._element(values[0].schema) if node.name == "[]" else None
            return _Value(f"cel.{_OPERATORS[node.name]}({', '.join(sources)})", schema)
        function, count = (_METHODS if node.method else _FUNCTIONS).get(node.name, ("", 0))
        if not function or count != len(sources):
            raise NotLowerable(f"the function {node.name}() with {len(sources)} arguments is not supported")
        return _Value(f"cel.{function}({', '.join(sources)})")

    def _element(self, shape: Object | None) -> Object | None:
        """Return the shape of the items of a list, or of the values of a map."""
        below = None if shape is None else shape.get("items", shape.get("additionalProperties"))
        return _shape(below, self.definitions) if isinstance(below, Mapping) else None

    def _macro(self, node: Macro, scope: Mapping[str, _Value]) -> _Value:
        source = self.value(node.source, scope)
        is_list = source.schema is not None and source.schema.get("type") == "array"
        # Numbered by depth: the text's own name for it may be anything.
        own = _Value(f"v{len(scope) - 2}", self._element(source.schema) if is_list else None)
        # A variable may hide another; a name that nobody can write keeps the count, and so the numbers, apart.
        inner = {**scope, f" {len(scope)}": own, node.variable: own}
        body = self.value(node.body, inner)
        condition = f", lambda {own.source}: {self.value(node.condition, inner).source}" if node.condition else ""
        result: Object | None = None
        if node.name == "filter" and is_list and source.schema:
            result = {"type": "array", "items": source.schema["items"]}
        return _Value(
            f"cel.{_MACROS[node.name]}({source.source}, lambda {own.source}: {body.source}{condition})", result
        )


def _literal(value: str | int | float | bool | None) -> str:
    if isinstance(value, str):
        return ascii(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise NotLowerable("a number is too large for a double")
    return repr(value)
