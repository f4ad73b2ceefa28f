"""Runs the CEL rules of a kind over an object, as the API server would before it stores it.

What a rule sees is what the server would see: defaults filled in, nulls removed where the schema has no `nullable`,
lists equal by their list type. Formats are checked here as well, and that an enum has no null.
Semantics: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

from kubeflow.core.cel import CelError, FieldValues, MapList, SetList, Value, equal
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.model import KubeObject
from kubeflow.core.stdlib import json
from kubeflow.core.time import Timestamp
from kubeflow.core.value_formats import TIMES, misfit

Test: TypeAlias = "Callable[[Value, Value], Value]"

# Of `metadata.generateName` the server keeps this many characters and adds five of its own, each a letter or digit.
_GENERATED_BASE = 58


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that an object breaks.

    Attributes:
        path: Where, in wire names: `spec.runtimePatches[0].manager`; empty for the object itself.
        message: What the server would say.
        rule: The CEL text. Else the keyword of the schema: `x-kubernetes-list-type: map` (or `set`) for an item that is
            in a list twice, `format: int32`, `enum` for a null.
    """

    path: str
    message: str
    rule: str

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        return f"{self.path or 'the object'}: {self.message}"


class RuleViolation(InvalidInput):
    """An object breaks rules that the API server enforces.

    Attributes:
        violations: All of them.

    Remedy:
        Change the fields that the rules name. A rule about an update means that the field is fixed: make a new object.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(map(str, self.violations)))


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`.

    Attributes:
        text: The CEL text.
        message: What the server says when the rule is broken; empty for its standard words.
        test: The rule over the new and the old value.
        transition: Whether the rule looks at the old value: it then runs only where there is one.
        explain: The `messageExpression`.
        below: The `fieldPath`, which is added to where the rule stands.
    """

    text: str
    message: str
    test: Test
    transition: bool = False
    explain: Test | None = None
    below: str = ""

    __repr__ = repr_of_fields

    def problem(self, new: Value, old: Value) -> str | None:
        """Return what the server says when the values break the rule, else None."""
        label = self.message or self.text
        try:
            if self.test(new, old) is True:
                return None
        except CelError as error:
            if str(error) == "no such overload":
                return (
                    f"'{error}': call arguments did not match a supported operator, function or macro signature "
                    f"for rule: {label}"
                )
            return f"{error} evaluating rule: {label}"
        return self._explained(new, old) or self.message or f"failed rule: {label}"

    def _explained(self, new: Value, old: Value) -> str | None:
        """Return the value of `messageExpression`; the server does without one that fails or is not one line."""
        if self.explain is None:
            return None
        try:
            text = self.explain(new, old)
        except CelError:
            return None
        return text.strip() if isinstance(text, str) and "\n" not in text else None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a schema says about one place that matters to rules; all else is left out.

    Attributes:
        of: Definition whose shape this is; what stands here adds to it.
        default: In a list of one item the value that the server puts where there is none; empty for no default.
        fields: Of an object, by wire name.
        values: Of every entry of a map.
        items: Of every item of a list.
        keys: Fields that identify an item of a list of type `map`.
        unique: Whether it is a list of type `set`.
        atomic: Whether it is an object that is only ever replaced as a whole.
        format: The format that values must have; `int64` for integers without one, because none may be larger.
        null: What becomes of a null here: the server drops it, keeps it (`nullable`), or refuses it (an enum).
        open: Whether it is an object that keeps fields which `fields` does not name, nulls among them.
    """

    of: str | None = None
    rules: tuple[Rule, ...] = ()
    default: Sequence[Value] = ()
    fields: Mapping[str, Shape] = field(default_factory=dict["str", "Shape"])
    values: Shape | None = None
    items: Shape | None = None
    keys: tuple[str, ...] = ()
    unique: bool = False
    atomic: bool = False
    format: str = ""
    null: Literal["dropped", "kept", "refused"] = "dropped"
    open: bool = False

    __repr__ = repr_of_fields


_NOTHING = Shape()


def violations(
    shapes: Mapping[str, Shape], kind: str, new: KubeObject, old: KubeObject | None = None
) -> list[Violation]:
    """Return the rules that `new` breaks: on creation, or as an update of `old`.

    As the server does on an update, a rule without `oldSelf` is not held against a value that the update leaves as it
    was ("ratcheting", Kubernetes 1.30 and later).

    Args:
        shapes: By definition.
        kind: The definition of the kind.
    """
    if kind not in shapes:
        return []
    walk = _Walk(shapes)
    root = Shape(of=kind)
    before = None if old is None else walk.value(root, old.to_dict())
    return list(walk.check(root, walk.value(root, _named(new.to_dict())), before, ""))


def _named(wire: dict[str, object]) -> dict[str, object]:
    """Give an object that leaves its name to the server a name such as the server would make."""
    metadata = wire.get("metadata")
    if not isinstance(metadata, dict):
        return wire
    values = cast("dict[str, object]", metadata)
    base = values.get("generateName")
    if values.get("name") or not isinstance(base, str) or not base:
        return wire
    return {**wire, "metadata": {**values, "name": base[:_GENERATED_BASE] + "x" * 5}}


@dataclass(frozen=True, slots=True)
class _Walk:
    shapes: Mapping[str, Shape]

    def shape(self, shape: Shape | None) -> Shape:
        if shape is None or shape.of is None:
            return shape or _NOTHING
        base = self.shapes[shape.of]
        if not shape.rules and not shape.atomic:
            return base
        rules = (*base.rules, *(rule for rule in shape.rules if rule not in base.rules))
        return replace(base, rules=rules, atomic=shape.atomic or base.atomic)

    def value(self, shape: Shape | None, wire: object) -> Value:
        """Return `wire` as rules see it."""
        shape = self.shape(shape)
        if isinstance(wire, dict):
            return self._object(shape, cast("dict[str, object]", wire))
        if isinstance(wire, list):
            items = [self._item(shape.items, item) for item in cast("list[object]", wire)]
            if shape.keys:
                return MapList(items, shape.keys)
            return SetList(items) if shape.unique else items
        if shape.format in TIMES and isinstance(wire, str):
            try:
                return Timestamp.parse(wire)
            except InvalidInput:
                return wire  # refused for its format
        return cast(Value, wire)

    def _item(self, shape: Shape | None, wire: object) -> Value:
        if wire is None and shape is not None and shape.null == "dropped" and shape.default:
            wire = shape.default[0]
        return self.value(shape, wire)

    def _object(self, shape: Shape, wire: Mapping[str, object]) -> Value:
        result = FieldValues() if shape.fields and shape.values is None else dict[str, Value]()
        for key, value in wire.items():
            child = shape.fields.get(key, shape.values)
            kept = child.null != "dropped" if child else shape.open
            if value is not None or kept:
                result[key] = self.value(child, value)
            elif child and child.default:
                result[key] = self.value(child, child.default[0])
        for key, child in shape.fields.items():
            if key not in wire and child.default:
                result[key] = self.value(child, child.default[0])
        return result

    def check(self, shape: Shape, new: Value, old: Value, path: str) -> Iterator[Violation]:
        """Yield what is broken at `path` and below. `old` is None where there is no value to compare with."""
        if new is None:
            if shape.null == "refused":
                yield Violation(path, "null is none of the values that are allowed; leave the field out", "enum")
            return
        shape = self.shape(shape)
        if (old is None or not equal(new, old)) and (problem := misfit(new, shape.format)):
            yield Violation(path, problem, f"format: {shape.format}")
        for rule in shape.rules:
            if rule.transition and old is None:
                continue
            if not rule.transition and old is not None and equal(new, old):
                continue
            if problem := rule.problem(new, old):
                yield Violation((path + rule.below).lstrip("."), problem, rule.text)
        if isinstance(new, Mapping):
            before: Mapping[str, Value] = old if isinstance(old, Mapping) and not shape.atomic else {}
            for key, value in new.items():
                if child := shape.fields.get(key):
                    yield from self.check(child, value, before.get(key), f"{path}.{key}" if path else key)
                elif shape.values:
                    yield from self.check(shape.values, value, before.get(key), f"{path}[{key}]")
        elif isinstance(new, list):
            if old is None or not equal(new, old):
                yield from _duplicates(shape, new, path)
            if shape.items is None:
                return
            for index, item in enumerate(new):
                before_item = old.find(item) if isinstance(old, MapList) else None
                yield from self.check(shape.items, item, before_item, f"{path}[{index}]")


def _duplicates(shape: Shape, items: Sequence[Value], path: str) -> Iterator[Violation]:
    """Yield the items that a list of type `map` or `set` has more than once, after the first, as the server does."""
    if not shape.keys and not shape.unique:
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        if shape.keys and not isinstance(item, Mapping):
            continue
        fields = cast("Mapping[str, Value]", item)
        value = {key: fields[key] for key in sorted(shape.keys) if key in fields} if shape.keys else item
        text = json.dumps(value, sort_keys=True, default=str, separators=(",", ":"))
        if text in seen:
            kind = "map" if shape.keys else "set"
            yield Violation(f"{path}[{index}]", f"Duplicate value: {text}", f"x-kubernetes-list-type: {kind}")
        seen.add(text)
