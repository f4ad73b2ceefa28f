"""Metadata as the REST API has it (`customProperties`): each value with the name of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from kubeflow.core.artifact import MetadataValue

Kept: TypeAlias = Mapping[str, object]
"""Metadata of types that users cannot set (structures, Protocol Buffers, newer ones), as it came."""


def wire_of(metadata: Mapping[str, MetadataValue]) -> dict[str, object]:
    """Return metadata as it is sent. Integers travel as text."""
    return {name: _wire(value) for name, value in metadata.items()}


def metadata_of(wire: Mapping[str, object]) -> tuple[dict[str, MetadataValue], Kept]:
    """Return metadata that came, and besides what is of other types."""
    found: dict[str, MetadataValue] = {}
    kept: dict[str, object] = {}
    for name, each in wire.items():
        value = _value(cast("Mapping[str, object]", each)) if isinstance(each, Mapping) else None
        if value is None:
            kept[name] = each
        else:
            found[name] = value
    return found, kept


def _wire(value: MetadataValue) -> dict[str, object]:
    if isinstance(value, bool):
        return {"metadataType": "MetadataBoolValue", "bool_value": value}
    if isinstance(value, int):
        return {"metadataType": "MetadataIntValue", "int_value": str(value)}
    if isinstance(value, float):
        return {"metadataType": "MetadataDoubleValue", "double_value": value}
    return {"metadataType": "MetadataStringValue", "string_value": value}


def _value(wire: Mapping[str, object]) -> MetadataValue | None:
    match wire:
        case {"metadataType": "MetadataBoolValue", "bool_value": bool(value)}:
            return value
        case {"metadataType": "MetadataStringValue", "string_value": str(value)}:
            return value
        case {"metadataType": "MetadataDoubleValue", "double_value": int(value) | float(value)}:
            return float(value)
        case {"metadataType": "MetadataIntValue", "int_value": str(text)} if text.lstrip("-").isdigit():
            return int(text)
        case _:
            return None
