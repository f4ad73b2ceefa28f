"""Merges what several options say about the same runtime patch: deterministic, in order, and never by guessing.

Pure: works on plain JSON, in wire names, as a runtime patch is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json

Json: TypeAlias = Mapping[str, object]

# Lists whose items are told apart by name, and what an item is called in words (list-map keys of the CRD).
_NAMED = {
    "replicatedJobs": "job",
    "containers": "container",
    "initContainers": "init container",
    "volumes": "volume",
    "volumeMounts": "mount of volume",
    "env": "variable",
    "imagePullSecrets": "image pull secret",
    "schedulingGates": "scheduling gate",
}
# An item of these says one thing: halves of two sources would make a third that nobody asked for.
_INDIVISIBLE = {"volumes", "volumeMounts", "env"}
# Lists without keys where all entries hold at once, so that those of two options stand side by side.
_JOINED = {
    "tolerations",
    "preferredDuringSchedulingIgnoredDuringExecution",
    "requiredDuringSchedulingIgnoredDuringExecution",
}
_WRAPPERS = {"template", "spec"}


def at(node: Json, *steps: str) -> Json:
    """Return the object that `steps` lead to from `node`; an empty one where there is none."""
    for step in steps:
        node = cast("Json | None", node.get(step)) or {}
    return node


def merge(one: Json, other: Json) -> dict[str, object]:
    """Return what `one` and `other` say together.

    Labels and annotations: the later one wins. Tolerations and affinities: all of them hold. Everything else is merged
    by name, and must agree where both speak.

    Args:
        one: A patch of a runtime (`trainingRuntimeSpec`), in wire names.
        other: Another one; it comes later.

    Raises:
        InvalidInput: When they contradict each other, naming the place and both values.
    """
    result = _objects(one, other, ())
    _check_mounts(result, ())
    return result


def _objects(one: Json, other: Json, where: tuple[str, ...]) -> dict[str, object]:
    result = dict(one)
    for key, value in other.items():
        result[key] = _values(key, result[key], value, where) if key in result else value
    return result


def _values(key: str, one: object, other: object, where: tuple[str, ...]) -> object:
    both = one, other
    if one == other:
        return one
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        first, second = cast(Json, one), cast(Json, other)
        if key in ("labels", "annotations"):
            return {**first, **second}
        return _objects(first, second, where if key in _WRAPPERS else (key, *where))
    if isinstance(one, list) and isinstance(other, list):
        ours, theirs = cast("list[object]", one), cast("list[object]", other)
        if key in _NAMED:
            return _named(key, cast("list[Json]", ours), cast("list[Json]", theirs), where)
        if key in _JOINED:
            return [*ours, *(item for item in theirs if item not in ours)]
        if key == "nodeSelectorTerms":
            return _both(cast("list[Json]", ours), cast("list[Json]", theirs))
    raise _contradiction((repr(key), *where), *both)


def _named(key: str, ours: Sequence[Json], theirs: Sequence[Json], where: tuple[str, ...]) -> list[Json]:
    items = {item.get("name"): item for item in ours}
    for item in theirs:
        name = item.get("name")
        place = (f"{_NAMED[key]} {name!r}", *where)
        if name not in items:
            items[name] = item
        elif key not in _INDIVISIBLE:
            items[name] = _objects(items[name], item, place)
        elif items[name] != item:
            raise _contradiction(place, items[name], item)
    return list(items.values())


def _both(ours: Sequence[Json], theirs: Sequence[Json]) -> list[Json]:
    # The terms of one list are alternatives; a node must satisfy one of each list.
    return [_joined(one, other) for one in ours for other in theirs]


def _joined(one: Json, other: Json) -> Json:
    result = dict(one)
    for key, expressions in other.items():
        before = cast("list[object]", result.get(key, []))
        result[key] = [*before, *(each for each in cast("list[object]", expressions) if each not in before)]
    return result


def _check_mounts(node: object, where: tuple[str, ...]) -> None:
    if isinstance(node, Mapping):
        for key, value in cast(Json, node).items():
            if key == "volumeMounts":
                _check_paths(cast("list[Json]", value), where)
            elif key in _NAMED:
                for item in cast("list[Json]", value):
                    _check_mounts(item, (f"{_NAMED[key]} {item.get('name')!r}", *where))
            else:
                _check_mounts(value, where)


def _check_paths(mounts: Sequence[Json], where: tuple[str, ...]) -> None:
    paths: dict[object, object] = {}
    for mount in mounts:
        path, name = mount.get("mountPath"), mount.get("name")
        if paths.setdefault(path, name) != name:
            raise InvalidInput(
                f"Two options mount a volume at {path!r} in {_place(where)}: {paths[path]!r} and {name!r}. "
                "Give one of them another path."
            )


def _contradiction(where: tuple[str, ...], one: object, other: object) -> InvalidInput:
    return InvalidInput(
        f"Two options contradict each other about {_place(where)}: {_short(one)} and {_short(other)}. "
        "Leave one of them out, or give it another name."
    )


def _place(where: tuple[str, ...]) -> str:
    return " of ".join(where)


def _short(value: object) -> str:
    return json.dumps(value, sort_keys=True)
