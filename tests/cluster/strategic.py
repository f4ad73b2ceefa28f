"""Strategic merges, as Kubernetes merges a patch into a pod template: lists of named things by their names. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

# https://kubernetes.io/docs/reference/kubernetes-api/: the merge keys of the lists that a patch of a runtime can reach.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "schedulingGates": "name",
    "replicatedJobs": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}


def strategic(base: Any, patch: Any, field: str = "") -> Any:
    """Return `patch` laid over `base`: objects by key, lists of named things by name, everything else replaced.

    What a list did not have comes before what only the list has, in the order of the patch. A list that is new is taken
    as it is, duplicates included.
    """
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        merged: Object = dict(base)
        for key, value in patch.items():
            merged[key] = strategic(base.get(key), value, key)
        return merged
    name = _KEYS.get(field)
    if name and isinstance(base, list) and isinstance(patch, list):
        return _merged(base, patch, name)
    return copy.deepcopy(patch)


def upsert(owner: Object, field: str, entries: list[Object]) -> None:
    """Set entries of a list of named things: in place where the name is known, else at the end."""
    if not entries:
        return
    name = _KEYS[field]
    found = {entry[name]: entry for entry in owner.get(field) or []}
    found.update((entry[name], entry) for entry in entries)
    owner[field] = list(found.values())


def _merged(base: list[Object], patch: list[Object], name: str) -> list[Object]:
    found = {entry[name]: entry for entry in base}
    for entry in patch:
        found[entry[name]] = strategic(found.get(entry[name]), entry)
    patched = list(dict.fromkeys(entry[name] for entry in patch))
    places = {entry[name]: place for place, entry in enumerate(base)}
    kept = [entry[name] for entry in base if entry[name] not in patched]
    order: list[Any] = []
    while kept or patched:
        before = kept and (not patched or places[kept[0]] < places.get(patched[0], -1))
        order.append(kept.pop(0) if before else patched.pop(0))
    return [found[each] for each in order]
