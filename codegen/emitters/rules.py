"""The content of every `rules.py`: CEL rules and conditions as Python source, and the shapes that they are run over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from codegen.cel.lower import lower
from codegen.cel.syntax import NotLowerable
from codegen.emitters.conditions import Depth, below, in_words, left_out
from codegen.emitters.generated_module import EmitterInput, GeneratedModule, by_package
from codegen.errors import SchemaError
from codegen.pins.server_only import ServerOnly, server_only
from codegen.schema.definitions import OPEN, Definitions, reference
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string

_KEYS = {"rule", "message", "messageExpression", "reason", "fieldPath"}


@dataclass(frozen=True, slots=True)
class LoweredRule:
    """One rule as the template renders it; `test` and `explain` are Python source, the rest is text."""

    text: str
    message: str
    test: str
    transition: bool
    explain: str | None
    below: str


@dataclass(frozen=True, slots=True)
class RuleShape:
    """What the schema says about one place that matters to rules; see `kubeflow.core.rules.Shape`.

    Attributes:
        rules: Positions in `Rules.rules`.
    """

    of: str | None = None
    rules: tuple[int, ...] = ()
    default: tuple[Json, ...] = ()
    fields: Mapping[str, RuleShape] = field(default_factory=dict["str", "RuleShape"])
    values: RuleShape | None = None
    items: RuleShape | None = None
    keys: tuple[str, ...] = ()
    unique: bool = False
    atomic: bool = False
    format: str = ""
    null: Literal["dropped", "kept", "refused"] = "dropped"
    open: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of some kinds, each rule once, and the shapes by definition."""

    rules: Sequence[LoweredRule]
    shapes: Mapping[str, RuleShape]


_Key: TypeAlias = tuple[str, str, str, str | None, str]


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the rules of every package that has kinds."""
    listed = server_only(source.root / "schemas", {pin.component.name: pin.definitions.values() for pin in source.pins})
    for pin in source.pins:
        own = [entry for entry in listed if entry.component == pin.component.name]
        for package, group in by_package(pin.kinds).items():
            rules = rules_of(f"schemas/{pin.file}", pin.definitions, [kind.definition for kind in group], own)
            text = source.template("rules.py.jinja", api_version=group[0].api_version, kinds=group, rules=rules)
            yield GeneratedModule(package, "rules.py", text, ["validate_rules"])


def _format(node: Object) -> str:
    """Return the format that the API server holds values against; empty when it does not care."""
    kind, name = node.get("type"), str(node.get("format", ""))
    if node.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    if kind == "integer":
        return "int32" if name == "int32" else "int64"  # also without a format: what is larger is no integer to it
    if kind == "number":
        return "float" if name == "float" else ""
    return name if kind == "string" else ""


def rules_of(
    document: str, definitions: Definitions, kinds: Iterable[str], server_only: Iterable[ServerOnly] = ()
) -> Rules:
    """Return the lowered rules of the definitions `kinds`, and the shapes that they are run over.

    Args:
        document: Name of the pin, for messages.
        definitions: Of the pin, with everything that the kinds refer to.
        server_only: The rules that are not lowered.

    Raises:
        SchemaError: A rule is malformed, or cannot be lowered and is not listed in `server_only`.
    """
    roots = list(kinds)
    work = _Work(document, definitions, roots, {entry.rule for entry in server_only})
    for name in roots:
        work.definition(name)
    return Rules(list(work.rules), {name: shape for name, shape in sorted(work.shapes.items()) if shape is not None})


@dataclass
class _Work:
    document: str
    definitions: Definitions
    roots: list[str]
    server_only: set[str]
    rules: dict[LoweredRule, int] = field(default_factory=dict[LoweredRule, int])
    shapes: dict[str, RuleShape | None] = field(default_factory=dict[str, RuleShape | None])
    open: set[str] = field(default_factory=set[str])

    def definition(self, name: str) -> bool:
        """Work out the shape of a definition and return whether it has one."""
        if name in self.open:
            raise SchemaError(
                self.document, ("components", "schemas", name), "refers to itself; such types have no structural schema"
            )
        if name not in self.shapes:
            self.open.add(name)
            path: JsonPath = ("components", "schemas", name)
            self.shapes[name] = self._shape(self.definitions[name], path, "definition", root=name in self.roots)
            self.open.discard(name)
        return self.shapes[name] is not None

    def _shape(self, node: Object, path: JsonPath, depth: Depth, *, root: bool = False) -> RuleShape | None:
        """Return the shape of `node`, or None when it says nothing that matters."""
        target = reference(node)
        matters = bool(target) and self.definition(str(target))
        rules = (*self._rules(node, path, root=root), *self._conditions(node, path, depth))
        # Only to a rule does it matter what an object has that its schema does not name.
        is_open = bool(rules) and True in (node.get(OPEN), node.get("additionalProperties"))
        fields = {
            name: shape or RuleShape()
            for name, child in as_object(node.get("properties", {}), self.document, (*path, "properties")).items()
            if not (root and name == "metadata")  # opaque to a CRD
            and ((shape := self._shape(cast("Object", child), (*path, "properties", name), "field")) or is_open)
        }
        inner = {
            keyword: self._shape(child, (*path, keyword), below(depth))
            for keyword in ("items", "additionalProperties")
            if isinstance(child := node.get(keyword), Mapping)
        }
        shape = RuleShape(
            of=target if matters else None,
            rules=rules,
            default=(node["default"],) if "default" in node else (),
            fields=fields,
            values=inner.get("additionalProperties"),
            items=inner.get("items"),
            keys=tuple(cast("list[str]", node.get("x-kubernetes-list-map-keys", []))),
            unique=node.get("x-kubernetes-list-type") == "set",
            format=_format(node),
            null=("refused" if "enum" in node else "kept") if node.get("nullable") else "dropped",
            open=is_open,
        )
        if shape == RuleShape():
            return None
        return RuleShape(
            **{name: getattr(shape, name) for name in RuleShape.__dataclass_fields__ if name != "atomic"},
            atomic=node.get("x-kubernetes-map-type") == "atomic",
        )

    def _rules(self, node: Object, path: JsonPath, *, root: bool) -> Iterable[int]:
        own: JsonPath = (*path, "x-kubernetes-validations")
        for index, value in enumerate(as_list(node.get("x-kubernetes-validations", []), self.document, own)):
            entry = as_object(value, self.document, (*own, index))
            if unknown := set(entry) - _KEYS:
                raise SchemaError(self.document, (*own, index), f"the generator does not know {min(unknown)!r}")
            text = as_string(entry.get("rule"), self.document, (*own, index, "rule"))
            try:
                rule = self._rule(node, entry, (*own, index), root=root)
            except NotLowerable as error:
                if text in self.server_only:
                    continue
                raise SchemaError(
                    self.document,
                    (*own, index),
                    f"cannot lower {text!r}: {error}; list it under [[server_only]] in schemas/patches.toml",
                ) from error
            if text in self.server_only:
                raise SchemaError(
                    self.document, (*own, index), f"the server_only rule {text!r} can be lowered; remove it"
                )
            yield self.rules.setdefault(rule, len(self.rules))

    def _conditions(self, node: Object, path: JsonPath, depth: Depth) -> Iterable[int]:
        if condition := left_out(node, depth, self.document, path):
            text = in_words(condition)
            rule = LoweredRule(text, text, f"fits(this, {condition!a})", transition=False, explain=None, below="")
            yield self.rules.setdefault(rule, len(self.rules))

    def _rule(self, node: Object, entry: Object, path: JsonPath, *, root: bool) -> LoweredRule:
        def text(key: str) -> str:
            return as_string(entry.get(key, ""), self.document, (*path, key))

        test = lower(text("rule"), node, self.definitions, root=root)
        expression = text("messageExpression")
        explain = lower(expression, node, self.definitions, root=root).source if expression else None
        # The server trims what it says, and the rule where it has to quote it.
        return LoweredRule(
            text("rule").strip(), text("message").strip(), test.source, test.transition, explain, text("fieldPath")
        )
