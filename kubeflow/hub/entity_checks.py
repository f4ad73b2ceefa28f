"""Checks of what a user gives, before anything is sent or stored. What passes here, every registry keeps as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import cast, get_args

from kubeflow.core.artifact import MetadataValue
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.hub.types.entities import (
    ArtifactState,
    ModelArtifact,
    ModelState,
    ModelVersion,
    RegisteredModel,
)

LATEST = "latest"
"""Stands for the newest version that is not archived, so that no version can be called this."""
ANY_INTEGER = 2**63 - 1
"""The largest integer that some registry keeps: to check what can be checked without asking which registry it is."""
_LONGEST_NAME = 255


def check_name(name: object, what: str) -> str:
    """Return a name if every registry takes it.

    Raises:
        InvalidInput: It is no text, empty, too long, or not of printable ASCII, which REST v1 demands.
    """
    if not isinstance(name, str):
        raise InvalidInput(f"{what} is a text, not {type(name).__name__}: {name!r}")
    printable = all(" " <= character <= "~" for character in name)
    if not name or len(name) > _LONGEST_NAME or not printable or name != name.strip():
        raise InvalidInput(
            f"{what}={name!r} cannot be: it has 1 to {_LONGEST_NAME} printable ASCII characters, and no blank at its "
            "ends. Other characters may stand in the description."
        )
    return name


def check_new_version(version: object) -> str:
    """Return the name of a version to register; raises as `check_name`, and for the word `latest`."""
    name = check_name(version, "version")
    if name == LATEST:
        raise InvalidInput("version='latest' stands for the newest version: give this one a name, such as '1'.")
    return name


def check_text(value: object, argument: str) -> None:
    """Raise `InvalidInput` when an optional text is something else."""
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{argument} takes a text, not {type(value).__name__}: {value!r}")


def checked_metadata(metadata: object, largest_integer: int, argument: str = "metadata") -> dict[str, MetadataValue]:
    """Return metadata if the registry keeps it as it is.

    Args:
        metadata: Values by name; None for none.
        largest_integer: That the registry takes.
        argument: What the user calls it.

    Raises:
        InvalidInput: A name is no text, or a value something else than bool, int, float or str. Names the entry, and
            what to write instead.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput(f"{argument} takes values by name, like {{'accuracy': 0.97}}, not {type(metadata).__name__}")
    result: dict[str, MetadataValue] = {}
    for name, value in cast("Mapping[object, object]", metadata).items():
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"{argument} has the name {name!r}: names are texts that are not empty")
        result[name] = _checked_value(value, f"{argument}[{name!r}]", largest_integer)
    return result


def _checked_value(value: object, place: str, largest_integer: int) -> MetadataValue:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > largest_integer:
            raise InvalidInput(
                f"{place} is {value}, and this registry keeps integers up to {largest_integer}: give it as a text, "
                f"{str(value)!r}, or as a float"
            )
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput(f"{place} is {value}, which no registry keeps: leave it out, or give it as a text")
        return float(value)
    instead = ""
    if isinstance(value, datetime):
        instead = f": write it as a text, like {value.isoformat()!r}"
    elif type(value) in (list, tuple, set, frozenset, dict):
        instead = ": write it as a text, like json.dumps(value), or as one entry for each item"
    elif hasattr(value, "item"):
        instead = ": convert it, like float(value) or int(value)"
    raise InvalidInput(f"{place} is of type {type(value).__name__}; a registry keeps bool, int, float and str{instead}")


def check_entity(entity: RegisteredModel | ModelVersion | ModelArtifact, largest_integer: int) -> None:
    """Check what is to be stored in place of an entity.

    Raises:
        InvalidInput: A field has what a registry does not keep.
    """
    kind = type(entity).__name__
    if entity.id is None:
        raise InvalidInput(
            f"{kind} {entity.name!r} has no id, so it was never stored: read it from the registry first."
        )
    states = get_args(ArtifactState if isinstance(entity, ModelArtifact) else ModelState)
    if entity.state not in states:
        raise InvalidInput(
            f"{kind}.state is {entity.state!r}; there are: {', '.join(states)}."
            f"{did_you_mean(str(entity.state), states)}"
        )
    for field in fields(entity):
        if field.name not in ("custom_properties", "version", "state"):
            check_text(getattr(entity, field.name), f"{kind}.{field.name}")
    entity.custom_properties = checked_metadata(entity.custom_properties, largest_integer, f"{kind}.custom_properties")
