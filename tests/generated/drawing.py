"""Draws objects from a pinned schema, and spoils them: the inputs of the property tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from codegen import config
from codegen.pins import newest

ROOT = Path(__file__).parents[2]
PREFIX = "#/components/schemas/"
UNSTRUCTURED = "io.k8s.apimachinery.pkg.apis.meta.v1.unstructured.Unstructured"
TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
# Deep enough to reach a container's toleration through every patch; below it only what is required is drawn.
DEEPEST = 26

QUANTITIES = st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,2})?(m|k|Ki|Gi|E|e[0-9])?", fullmatch=True) | st.integers(0, 99)
TIMES = st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "Z").filter(lambda text: text > "1000")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


CONFIG = config.load(ROOT)


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """Return what the pins say of each kind, by the name of its definition."""
    files = [component.pin_file(release) for component in CONFIG.components.values() for release in component.pinned]
    documents = [json.loads((ROOT / "schemas" / file).read_text("utf-8")) for file in files]
    return {kind["definition"]: kind for document in documents for kind in document["x-kinds"]}


@cache
def definitions() -> dict[str, Any]:
    """Return the definitions that the models are generated from: all pins with their fix-ups."""
    return dict(newest.together(CONFIG, newest.load(ROOT, CONFIG)))


@cache
def judge(definition: str) -> Draft202012Validator:
    """Return an independent validator of the schema that the models are generated from."""
    schema = {"$ref": PREFIX + definition, "components": {"schemas": definitions()}}
    return Draft202012Validator(schema, format_checker=FormatChecker(["date-time"]))


def target(node: dict[str, Any]) -> str | None:
    reference = node.get("$ref") or (node["allOf"][0]["$ref"] if "allOf" in node else None)
    return reference.removeprefix(PREFIX) if reference else None


@st.composite
def objects(draw: st.DrawFn, definition: str) -> dict[str, Any]:
    """Draw an object that the pinned `definition` allows."""
    schema = definitions()[definition]
    identity = kinds().get(definition)
    properties = {name: node for name, node in schema["properties"].items() if name not in ("apiVersion", "kind")}
    result: dict[str, Any] = _draw(draw, {**schema, "properties": properties}, 0, draw(st.integers(2, 6)))
    if identity:
        result = result | {"apiVersion": f"{identity['group']}/{identity['version']}", "kind": identity["kind"]}
    return result


def _draw(draw: st.DrawFn, node: dict[str, Any], depth: int, generosity: int) -> Any:
    if (reference := target(node)) == TIME:
        return draw(TIMES)
    if reference == UNSTRUCTURED:
        return draw(st.dictionaries(TEXTS, JSON, max_size=3))
    if reference:
        return _draw(draw, {**definitions()[reference], **{k: v for k, v in node.items() if k not in ("$ref", "allOf")}},
                     depth, generosity)  # fmt: skip
    if node.get("format") == "int-or-string":
        return draw(st.integers(0, 99) | TEXTS)
    if node.get("x-kubernetes-int-or-string"):
        return draw(QUANTITIES)
    if "type" not in node:
        return draw(JSON.filter(lambda value: value is not None))
    kind = node["type"]
    if kind == "object" and "additionalProperties" in node:
        return {key: _draw(draw, node["additionalProperties"], depth + 1, generosity)
                for key in draw(st.lists(TEXTS, min_size=node.get("minProperties", 0), max_size=2, unique=True))}  # fmt: skip
    if kind == "object":
        return _draw_object(draw, node, depth, generosity)
    if kind == "array":
        low = node.get("minItems", 0)
        size = draw(st.sampled_from([1, 1, 1, 2, 0])) if depth < DEEPEST else 0
        size = min(max(low, size), node.get("maxItems", size + low))
        return [_draw(draw, node["items"], depth + 1, generosity) for _ in range(size)]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    if "pattern" in node:
        return draw(
            st.from_regex(node["pattern"], fullmatch=True).filter(lambda text: len(text) <= node.get("maxLength", 99))
        )
    if kind == "string":
        return draw(st.text(st.characters(codec="utf-8"), min_size=node.get("minLength", 0), max_size=8))
    if kind == "number":
        return draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-99, 99))
    if kind == "integer":
        return draw(st.integers(node.get("minimum", -(2**31)), node.get("maximum", 2**31 - 1)))
    return draw(st.booleans())


def _draw_object(draw: st.DrawFn, node: dict[str, Any], depth: int, generosity: int) -> dict[str, Any]:
    properties = node.get("properties", {})
    if "properties" not in node and node.get("type") == "object":
        return {}
    required = node.get("required", [])
    optional = [name for name in properties if name not in required]
    wanted = min(len(optional), max(1, generosity - depth // 3)) if depth < DEEPEST else 0
    # At least one of them, so that every example reaches a leaf deep in the tree.
    chosen = draw(st.lists(st.sampled_from(optional), min_size=1, max_size=wanted, unique=True)) if wanted else []
    names = [*required, *chosen]
    if not names and node.get("minProperties"):
        names = optional[:1]
    return {name: _draw(draw, properties[name], depth + 1, generosity) for name in names}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside `value`."""
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(child, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(value: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> dict[str, Any]:
    """Return a copy of `value` after `change(container, key)` at `path`."""
    result = copy.deepcopy(value)
    change(at(result, path[:-1]), path[-1])
    return result
