"""Results as plain JSON values: what `to_dict()` of the public types returns, and `kubeflow ... --output json` prints.

A dataclass takes `to_dict = dict_of_fields`. Keys are the names of the fields. A field is left out when its name begins
with `_`. Values are

- text, whole numbers, booleans and `None` as they are, and so are lists and mappings of them;
- numbers with a fraction as they are, but `"NaN"`, `"Infinity"` and `"-Infinity"`, for which JSON has no number;
- times as RFC 3339 in UTC, like `"2025-01-31T12:00:00Z"`, with as many digits of a second as they have; durations in
  seconds;
- members of an enumeration as their text, paths and quantities as text, bytes as Base64;
- classes and functions by their name; any other object as `repr` shows it.

A secret is `"***"`: a field that `repr` hides, a value whose key looks like one, and what has the form of a token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from os import PathLike, fspath
from typing import Any, cast

from kubeflow.core.display import HIDDEN, hide_credentials, looks_secret, short
from kubeflow.core.stdlib import base64


def plain(value: object) -> object:
    """Return a value as JSON has it; see the module's description.

    Args:
        value: Any object. One that has a method `to_dict` is asked for it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(cast("object", value.value))
    if isinstance(value, str):
        return hide_credentials(str.__str__(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, datetime | date | timedelta):
        return _time(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    return _composed(value)


def dict_of_fields(self: object) -> dict[str, object]:
    """Return the fields by name as plain JSON values: times as text in UTC, enumerations as their text, secrets hidden.

    Fields within fields are in the same form. The whole can be given to `json.dumps` and `yaml.safe_dump`.
    """
    entries: dict[str, object] = {}
    for field in fields(cast("Any", self)):
        if field.name.startswith("_"):
            continue
        value: object = getattr(self, field.name, None)
        if not field.repr and value is not None:
            entries[field.name] = HIDDEN
        elif field.metadata.get("references") and isinstance(value, Mapping):
            entries[field.name] = {
                str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()
            }
        elif isinstance(value, str) and looks_secret(field.name):
            entries[field.name] = HIDDEN if value else ""
        else:
            entries[field.name] = plain(value)
    return entries


def _composed(value: object) -> object:
    to_dict: object = None if isinstance(value, type) else getattr(value, "to_dict", None)
    if callable(to_dict):
        form: object = to_dict()
        return _mapping(cast("Mapping[object, object]", form)) if isinstance(form, Mapping) else plain(form)
    if is_dataclass(value) and not isinstance(value, type):
        return dict_of_fields(value)
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[object, object]", value))
    if isinstance(value, Set):
        return sorted((plain(item) for item in cast("Set[object]", value)), key=repr)
    if isinstance(value, Sequence):
        return [plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, PathLike):
        return plain(fspath(cast("PathLike[str]", value)))
    return _scalar(value)


def _scalar(value: Any) -> object:
    kind = cast("type[object]", type(value))
    if hasattr(kind, "from_wire") and hasattr(kind, "raw"):  # a Quantity, an IntOrString
        return plain(value.raw)
    if isinstance(value, type) or kind.__name__ in ("function", "builtin_function_or_method", "method"):
        return str(value.__qualname__).rpartition("<locals>.")[2]
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):  # its numbers and arrays
        return plain(value.tolist())
    return short(value)


def _mapping(value: Mapping[object, object]) -> dict[str, object]:
    """Return the entries; secrets are hidden: the value of a secret name, or the `value` beside such a `name`."""
    name = value.get("name")
    of_secret = isinstance(name, str) and looks_secret(name)
    return {
        _key(key): HIDDEN
        if isinstance(item, str | bytes) and item and ((of_secret and key == "value") or looks_secret(str(key)))
        else plain(item)
        for key, item in value.items()
    }


def _key(key: object) -> str:
    form = plain(key)
    return form if isinstance(form, str) else str(form)


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _time(value: date | timedelta) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat()
