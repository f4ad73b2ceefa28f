"""Search spaces as JSON, for an object of a cluster: every client can tell what the text of a value stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from kubeflow.cluster import wire
from kubeflow.core.display import short
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.search_spaces import (
    ContinuousSearchSpace,
    IntegerSearchSpace,
    Space,
    distribution_named,
)
from kubeflow.packaging.remote.codec import CodecError

_MOST = 64 * 1024  # characters; all annotations of an object have 256 KiB


def spaces_document(space: Mapping[str, Space], *, words: bool = False) -> str | None:
    """Return search spaces as text, which `spaces_of_document` reads; `None` when it would be too large.

    Args:
        space: The search space.
        words: True where the text of a choice is its word, and not its place.
    """
    document = {name: _space(values, words) for name, values in space.items()}
    text = json.dumps(document, separators=(",", ":"))
    return text if len(text) <= _MOST else None


def spaces_of_document(text: str) -> tuple[dict[str, Space], frozenset[str]]:
    """Return the search spaces of a document, and the names of those whose choices are written as words.

    Nothing is imported for a choice, and no code of a class runs: what is not loaded here is shown as text.

    Raises:
        InvalidInput: It is no such document.
    """
    try:
        document: object = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"no JSON: {error}") from error
    found: dict[str, Space] = {}
    words: set[str] = set()
    for name, entry in wire.mapping(document).items():
        found[name] = _read(wire.mapping(entry))
        if wire.at(entry, "words") is True:
            words.add(name)
    if not found:
        raise InvalidInput("no search space in it")
    return found, frozenset(words)


def annotated_spaces(
    item: wire.Json, annotation: str, notes: list[str]
) -> tuple[dict[str, Space], frozenset[str]] | None:
    """Return the search spaces in an annotation of an object, as `spaces_of_document` does.

    Args:
        item: The object.
        annotation: The name of the annotation.
        notes: Gets a line where the annotation cannot be read.

    Returns:
        `None` where there is none, or none that can be read.
    """
    document = wire.strings(item, "metadata", "annotations").get(annotation)
    if document is None:
        return None
    try:
        return spaces_of_document(document)
    except (InvalidInput, ValueError, TypeError) as error:
        notes.append(f"its annotation {annotation} cannot be read: {error}")
        return None


def value_of(space: Space | None, text: str, *, is_word: bool = False) -> object:
    """Return the value that a text stands for; the text itself where it stands for none of the space's.

    Args:
        space: The search space of the parameter; `None` when that is not known.
        text: What a trial was given.
        is_word: True where choices are written as words.
    """
    try:
        if isinstance(space, CategoricalSearchSpace) and is_word:
            return next((choice for choice in space.choices if space.word(choice) == text), text)
        return text if space is None else space.decode(text)
    except InvalidInput:
        return text


def _space(space: Space, words: bool) -> dict[str, object]:
    if isinstance(space, IntegerSearchSpace):
        return {"kind": "int", "min": space.min, "max": space.max, "step": space.step, "log": space.log}
    if isinstance(space, ContinuousSearchSpace):
        fields = {"min": space.min, "max": space.max, "step": space.step, "mean": space.mean, "std": space.std}
        given = {name: value for name, value in fields.items() if value is not None}
        return {"kind": "float", "distribution": space.distribution.value, **given}
    choices = [_choice(choice) for choice in space.choices]
    return {"kind": "choice", "choices": choices, **({"words": True} if words else {})}


def _choice(value: object) -> object:
    if value is None or isinstance(value, bool | int | str) or type(value) is float:
        return {"value": repr(value)} if type(value) is float else {"json": value}
    from kubeflow.packaging.tagged_json.encoder import encode

    try:
        return {"tagged": encode(value), "text": short(value)}
    except CodecError:
        return {"text": short(value)}


def _read(entry: wire.Json) -> Space:
    kind = wire.text(entry, "kind")
    if kind == "int":
        numbers = {field: wire.only(int, entry.get(field)) for field in ("min", "max", "step")}
        low, high = numbers["min"], numbers["max"]
        if low is None or high is None:
            raise InvalidInput("a range of whole numbers without bounds")
        return IntegerSearchSpace(low, high, numbers["step"] or 1, wire.at(entry, "log") is True)
    if kind == "float":
        fields = {field: cast("float | None", entry.get(field)) for field in ("min", "max", "step", "mean", "std")}
        return ContinuousSearchSpace(
            fields["min"],
            fields["max"],
            distribution_named(entry.get("distribution")),
            fields["step"],
            fields["mean"],
            fields["std"],
        )
    if kind == "choice":
        return CategoricalSearchSpace(tuple(_read_choice(choice) for choice in wire.objects(entry, "choices")))
    raise InvalidInput(f"a search space of the kind {kind!r}")


def _read_choice(entry: wire.Json) -> object:
    if "json" in entry:
        return entry["json"]
    if "value" in entry:
        return float(wire.text(entry, "value"))
    if "tagged" in entry:
        from kubeflow.packaging.results.result_values import Reader

        try:
            return cast("object", Reader().decode(entry["tagged"]))
        except (CodecError, ValueError, TypeError, LookupError, AttributeError):
            return wire.text(entry, "text")
    return wire.text(entry, "text")
