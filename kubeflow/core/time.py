"""Kubernetes `Time` and `MicroTime`: RFC 3339 on the wire, an aware `datetime` in Python, sent back as it came."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from kubeflow.core.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Timestamp(datetime):
    """A `datetime` that remembers how the server wrote it, so that reading and sending back changes nothing."""

    _text: str

    @property
    def text(self) -> str:
        """The RFC 3339 text that it was read from."""
        return self._text

    def __repr__(self) -> str:
        return f"Timestamp.parse({getattr(self, '_text', self.isoformat())!r})"

    @classmethod
    def parse(cls, text: str) -> Timestamp:
        """Return the time that the RFC 3339 `text` names. Digits beyond microseconds are kept in `text` only.

        Raises:
            InvalidInput: `text` is no time, or names no offset from UTC.
        """
        try:
            moment = cls.fromisoformat(text.upper())
        except ValueError:
            raise InvalidInput(f"{text!r} is no RFC 3339 time such as '2025-01-31T12:00:00Z'") from None
        if moment.tzinfo is None:
            raise InvalidInput(f"{text!r} lacks a time of day with its offset from UTC, such as '2025-01-31T12:00:00Z'")
        moment._text = text
        return moment

    @classmethod
    def from_wire(cls, value: object) -> datetime:
        """Return the time for a JSON value of the API, or for what a user gave for it.

        Raises:
            InvalidInput: It is neither an RFC 3339 string nor an aware `datetime`.
        """
        if isinstance(value, str):
            return cls.parse(value)
        if not isinstance(value, datetime):
            raise InvalidInput(f"expected a datetime or an RFC 3339 string, not {type(value).__name__}")
        if value.tzinfo is None:
            raise InvalidInput("the datetime has no time zone; use datetime.now(timezone.utc) or set tzinfo")
        return value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.from_wire, serialization=core_schema.plain_serializer_function_ser_schema(text_of)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


def text_of(value: object) -> object:
    """Return the text of a time as it is sent; any other value as it is."""
    text = getattr(value, "_text", None)
    if text is None and isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value if text is None else text


if TYPE_CHECKING:
    Time: TypeAlias = datetime
else:
    Time = Timestamp
