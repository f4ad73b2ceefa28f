"""The datatypes of the Open Inference Protocol, with what they are in numpy and how many bytes an element has.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Datatype:
    """One datatype.

    Attributes:
        name: The protocol's word, like `"FP32"`.
        numpy: Name of numpy's type; empty where numpy has none.
        size: Bytes of one element; 0 where elements differ in length.
        kind: `"bool"`, `"int"`, `"uint"`, `"float"` or `"bytes"`.
    """

    name: str
    numpy: str
    size: int
    kind: str


DATATYPES: Mapping[str, Datatype] = {
    each.name: each
    for each in (
        Datatype("BOOL", "bool", 1, "bool"),
        *(Datatype(f"UINT{bits}", f"uint{bits}", bits // 8, "uint") for bits in (8, 16, 32, 64)),
        *(Datatype(f"INT{bits}", f"int{bits}", bits // 8, "int") for bits in (8, 16, 32, 64)),
        Datatype("FP16", "float16", 2, "float"),
        Datatype("FP32", "float32", 4, "float"),
        Datatype("FP64", "float64", 8, "float"),
        Datatype("BF16", "", 2, "float"),
        Datatype("BYTES", "object", 0, "bytes"),
    )
}

_BY_NUMPY = {each.numpy: each.name for each in DATATYPES.values() if each.numpy}


def datatype_of_numpy(kind: str, name: str) -> str | None:
    """Return the datatype for one of numpy's; `None` where the protocol has none, as for complex numbers and times.

    Args:
        kind: `dtype.kind`.
        name: `dtype.name`.
    """
    if kind in "SUOT":  # bytes, text, objects, and numpy's own text of variable length
        return "BYTES"
    return _BY_NUMPY.get(name)


def integer_bounds(datatype: Datatype) -> tuple[int, int] | None:
    """Return the smallest and the largest value of a datatype of whole numbers; `None` for any other."""
    bits = 8 * datatype.size
    if datatype.kind == "uint":
        return 0, (1 << bits) - 1
    if datatype.kind == "int":
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return None
