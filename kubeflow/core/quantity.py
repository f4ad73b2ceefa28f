"""Kubernetes resource amounts such as `500m`, `4Gi` or `1e3`: compared by value, kept as written.

The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a signed decimal number, then a binary suffix
(`Ki` to `Ei`), a decimal one (`n`, `u`, `m`, `k`, `M` to `E`) or an exponent.
"""

from __future__ import annotations

from decimal import Decimal
from functools import total_ordering
from typing import TYPE_CHECKING, TypeAlias

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_SYNTAX = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]+))?", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
# An exponent beyond this is no amount of anything, and would take the memory of its digits to compare.
_LARGEST_EXPONENT = 100


@total_ordering
class Quantity:
    """An amount of a resource. Immutable; compares by value with other quantities, numbers and strings.

    >>> Quantity("1Gi") == "1024Mi", Quantity("500m") < 1, Quantity("1.5Gi").value
    (True, True, Decimal('1610612736.0'))

    Not hashable: `"1Gi"` and `"1024Mi"` are equal, but their strings have different hashes.

    Args:
        text: The amount as written, or a number of base units (cores, bytes, pieces). It is sent as given.

    Raises:
        InvalidInput: `text` is no quantity.
    """

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("_raw", "_value")

    def __init__(self, text: Quantity | str | int | float) -> None:
        self._raw: str | int | float = text._raw if isinstance(text, Quantity) else text
        self._value: Decimal | None = None
        if isinstance(self._raw, bool) or not isinstance(self._raw, str | int | float):
            raise InvalidInput(f"a quantity is a string or a number, not {type(text).__name__}")
        if isinstance(self._raw, str) and not _SYNTAX.fullmatch(self._raw):
            raise InvalidInput(
                f"{self._raw!r} is no quantity; write a number and a suffix, such as '500m', '2' or '4Gi'"
            )
        if isinstance(self._raw, float) and not Decimal(self._raw).is_finite():
            raise InvalidInput(f"{self._raw!r} is no quantity: it has no finite value")

    @classmethod
    def from_wire(cls, value: object) -> Quantity:
        """Return the quantity for a JSON value of the API, or for what a user gave for it.

        Raises:
            InvalidInput: It is none, or a fraction as a number, which the API server refuses.
        """
        if isinstance(value, float):
            raise InvalidInput(f"write {value!r} as a string, {str(value)!r}: the API takes whole numbers only")
        return cls(value)  # type: ignore[arg-type]

    @property
    def value(self) -> Decimal:
        """The amount in base units: cores, bytes, pieces. Exact."""
        if self._value is None:
            self._value = _parse(self._raw)
        return self._value

    @property
    def raw(self) -> str | int | float:
        """The amount as it was written, and as it is sent."""
        return self._raw

    def __int__(self) -> int:
        """Return the amount in whole base units, rounded up, as Kubernetes does."""
        return int(self.value.to_integral_value("ROUND_CEILING"))

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return str(self._raw)

    def __repr__(self) -> str:
        return f"Quantity({self._raw!r})"

    def __eq__(self, other: object) -> bool:
        value = _value_of(other)
        return NotImplemented if value is None else self.value == value

    def __lt__(self, other: Quantity | str | float) -> bool:
        value = _value_of(other)
        return NotImplemented if value is None else self.value < value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.from_wire, serialization=core_schema.plain_serializer_function_ser_schema(_raw_of)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = {"type": "string", "pattern": f"^(?:{_SYNTAX.pattern})$"}
        return {"anyOf": [{"type": "integer"}, text], "x-kubernetes-int-or-string": True}


def _raw_of(value: object) -> object:
    return value.raw if isinstance(value, Quantity) else value


def _value_of(other: object) -> Decimal | None:
    if isinstance(other, Quantity):
        return other.value
    if isinstance(other, str | int | float) and not isinstance(other, bool):
        try:
            return Quantity(other).value
        except InvalidInput:
            return None
    return other if isinstance(other, Decimal) else None


def _parse(raw: str | int | float) -> Decimal:
    if not isinstance(raw, str):
        return Decimal(str(raw))
    number, suffix, exponent = _SYNTAX.fullmatch(raw).groups()  # type: ignore[union-attr]
    if exponent is not None:
        if abs(int(exponent)) > _LARGEST_EXPONENT:
            raise InvalidInput(f"the exponent of {raw!r} is out of range")
        return Decimal(number).scaleb(int(exponent))
    if suffix in _BINARY:
        return Decimal(number) * Decimal(1024) ** _BINARY[suffix]
    return Decimal(number).scaleb(_DECIMAL[suffix or ""])


if TYPE_CHECKING:
    # What a field takes: a user may write any of these. Read from a server or a model, it is a `Quantity`.
    QuantityLike: TypeAlias = Quantity | str | int
else:
    QuantityLike = Quantity
