"""Kubernetes `IntOrString`: a number, a percentage or a name, as in `maxUnavailable: 25%` and `targetPort: http`.

Semantics are those of `k8s.io/apimachinery/pkg/util/intstr`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_PERCENT = re.compile(r"([0-9]+)%", re.ASCII)


class IntOrString:
    """An integer or a string; equal to what was written, and only to that: `5` is not `"5"`.

    >>> IntOrString("25%").of(10, round_up=True), IntOrString(80) == 80
    (3, True)

    Args:
        value: The integer (int32 on the wire) or the string.

    Raises:
        InvalidInput: `value` is neither.
    """

    __slots__ = ("_raw",)

    def __init__(self, value: IntOrString | int | str) -> None:
        raw: object = value.raw if isinstance(value, IntOrString) else value
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise InvalidInput(f"expected an integer or a string, not {type(value).__name__}")
        self._raw: int | str = raw

    @classmethod
    def from_wire(cls, value: object) -> IntOrString:
        """Return the value for a JSON value of the API, or for what a user gave for it.

        Raises:
            InvalidInput: It is neither an integer nor a string.
        """
        return cls(value)  # type: ignore[arg-type]

    @property
    def raw(self) -> int | str:
        """The value as it was written, and as it is sent."""
        return self._raw

    @property
    def is_percent(self) -> bool:
        """Whether it is a string such as `25%`."""
        return isinstance(self._raw, str) and _PERCENT.fullmatch(self._raw) is not None

    def of(self, total: int, *, round_up: bool = False) -> int:
        """Return the absolute number: the integer itself, or the percentage of `total`.

        Args:
            total: What 100 % is.
            round_up: Round a fraction up instead of down.

        Raises:
            InvalidInput: It is a string, but no percentage.
        """
        if isinstance(self._raw, int):
            return self._raw
        match = _PERCENT.fullmatch(self._raw)
        if not match:
            raise InvalidInput(f"{self._raw!r} is neither a number nor a percentage such as '25%'")
        product = int(match[1]) * total
        return -(-product // 100) if round_up else product // 100

    def __int__(self) -> int:
        """Return the integer; a string of digits counts.

        Raises:
            InvalidInput: It is another string.
        """
        try:
            return int(self._raw)
        except ValueError:
            raise InvalidInput(f"{self._raw!r} is no number") from None

    def __str__(self) -> str:
        return str(self._raw)

    def __repr__(self) -> str:
        return f"IntOrString({self._raw!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, IntOrString):
            return self._raw == other._raw
        return self._raw == other if isinstance(other, int | str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._raw)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.from_wire, serialization=core_schema.plain_serializer_function_ser_schema(_raw_of)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}


def _raw_of(value: object) -> object:
    return value.raw if isinstance(value, IntOrString) else value


if TYPE_CHECKING:
    # What a field takes: a user may write any of these. Read from a server or a model, it is an `IntOrString`.
    IntOrStringLike: TypeAlias = IntOrString | int | str
else:
    IntOrStringLike = IntOrString
