"""Amounts of memory in both notations that people write for Spark: that of Kubernetes and that of the JVM.

| written | notation | bytes |
|---|---|---|
| `"8Gi"`, `"512Mi"`, `"1.5Gi"` | Kubernetes, powers of two | 8 * 2^30, ... |
| `"8G"`, `"512M"`, `"4k"` excepted | Kubernetes, powers of ten | 8 * 10^9, ... |
| `"8g"`, `"512m"`, `"8gb"`, `"8GB"` | Spark, powers of two | 8 * 2^30, ... |
| `8589934592`, `"8589934592"` | bytes | as it stands |

Case tells the two apart where they differ: a single capital letter is of Kubernetes, a small one of Spark. Kubernetes
reads `"512m"` as half a byte, which nobody means, and `"4k"` as 4,000 bytes, which no JVM starts with.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

MEBIBYTE = 2**20
LEAST = 1 * MEBIBYTE
"""The least that is taken: less is an amount whose unit was forgotten."""

# https://spark.apache.org/docs/latest/configuration.html#spark-properties: b, k, kb, m, mb, g, gb, t, tb, p, pb in any
# case, powers of 1024. Of these, a single capital letter means a power of ten to Kubernetes.
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_POWERS = {letter: power for power, letter in enumerate("kmgtp", start=1)}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]*)", re.ASCII)
_BINARY = re.compile(r"[KMGTP]i", re.ASCII)


def memory_bytes(amount: object, field: str) -> int:
    """Return an amount of memory in bytes, rounded up.

    Args:
        amount: A number of bytes, or text in either notation.
        field: What the user gave it as; errors name it.

    Raises:
        InvalidInput: It is no amount in either notation, or less than a mebibyte.
    """
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        raise InvalidInput(f"{field} must be an amount of memory like '8Gi' or '8g', not {amount!r}.")
    value = _value(str(amount) if isinstance(amount, float) else amount)
    if value is None:
        raise InvalidInput(
            f"{field} = {amount!r} is no amount of memory: write it as Kubernetes does ('8Gi', '512Mi', '8G') or as "
            "Spark does ('8g', '512m')."
        )
    if value < LEAST:
        raise InvalidInput(
            f"{field} = {amount!r} is {_plain(value)} bytes, and nothing of Spark runs in that: give it a unit, as in "
            f"'{_digits(amount)}Mi' or '{_digits(amount)}Gi'."
        )
    return int(value.to_integral_value(rounding="ROUND_CEILING"))


def spark_memory(amount: int) -> str:
    """Return bytes in Spark's notation, in whole mebibytes, rounded up: `"8192m"`.

    Args:
        amount: Bytes, at least one.
    """
    return f"{-(-amount // MEBIBYTE)}m"


def _value(amount: str | int) -> Decimal | None:
    if isinstance(amount, int):
        return Decimal(amount) if amount >= 0 else None
    match = _AMOUNT.fullmatch(amount.strip())
    if match is None:
        return None
    try:
        number, unit = Decimal(match[1]), match[2]
    except InvalidOperation:  # pragma: no cover - the pattern has numbers only
        return None
    factor = _factor(unit)
    return None if factor is None else number * factor


def _factor(unit: str) -> int | None:
    if not unit or unit in ("b", "B"):
        return 1
    if _BINARY.fullmatch(unit):
        return int(2 ** (10 * _POWERS[unit[0].lower()]))
    if len(unit) == 1 and unit in "MGTP":  # Kubernetes has no capital K
        return int(10 ** (3 * _POWERS[unit.lower()]))
    small = unit.lower()
    if small in _POWERS or (len(small) == 2 and small[0] in _POWERS and small[1] == "b"):
        return int(2 ** (10 * _POWERS[small[0]]))
    return None


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _digits(amount: object) -> str:
    found = re.match(r"\s*([0-9.]+)", str(amount))
    return found[1].rstrip(".") if found else "8"
