"""Tensors as bytes, behind the JSON of a request or an answer: the protocol's extension for binary data.

Numbers are little endian in row-major order. Each element of BYTES has its length in four bytes before it. Sources:
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md and
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import array
import struct
import sys
from collections.abc import Sequence
from typing import Any, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.datatypes import DATATYPES
from kubeflow.kserve.inference.tensors import Tensor, count, has_numpy

LENGTH_HEADER = "Inference-Header-Content-Length"
"""Header that says how many bytes of the body are JSON. The tensors' bytes follow."""

SIZE_PARAMETER = "binary_data_size"
"""Parameter of a tensor: how many bytes it has behind the JSON."""

ASKED_PARAMETER = "binary_data"
"""Parameter of an output that is asked for: True wants it as bytes."""

ALL_PARAMETER = "binary_data_output"
"""Parameter of a request: True wants all outputs as bytes."""

_CODES = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i",
    "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip


def to_bytes(tensor: Tensor) -> bytes:
    """Return the elements of a tensor as bytes."""
    values: Any = tensor.values
    if tensor.datatype == "BYTES":
        texts = [value.encode("utf-8") if isinstance(value, str) else cast(bytes, value) for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    if tensor.datatype == "BF16":
        raise InvalidInput(f"Tensor {tensor.name!r} is BF16, which is not sent as bytes: convert it to FP32.")
    if hasattr(values, "astype"):
        kind = DATATYPES[tensor.datatype].numpy
        return bytes(
            values.astype(f"{kind if kind == 'bool' else values.dtype.newbyteorder('<')}", copy=False).tobytes()
        )
    numbers = [float("nan") if value is None else value for value in values]
    return struct.pack(f"<{len(numbers)}{_CODES[tensor.datatype]}", *numbers)


def from_bytes(datatype: str, shape: Sequence[int], data: bytes, name: str) -> Sequence[object]:
    """Return the elements of a tensor: an array where numpy is installed, else a list.

    Raises:
        InvalidInput: The bytes are not as many as the shape has.
    """
    if datatype == "BYTES":
        return _texts(data, count(shape), name)
    known = DATATYPES[datatype]
    if len(data) != known.size * count(shape):
        raise InvalidInput(
            f"tensor {name!r} has {len(data)} byte(s), and {datatype} of shape {list(shape)} has "
            f"{known.size * count(shape)}"
        )
    if datatype == "BF16":
        halves = array.array("H", data)
        if sys.byteorder == "big":
            halves.byteswap()
        # The upper half of a float32.
        return [struct.unpack("<f", struct.pack("<I", half << 16))[0] for half in halves]
    if has_numpy():
        import numpy

        little = numpy.frombuffer(data, dtype=numpy.dtype(known.numpy).newbyteorder("<"))
        return cast("Sequence[object]", little.astype(known.numpy))
    return list(struct.unpack(f"<{count(shape)}{_CODES[datatype]}", data))


def _texts(data: bytes, wanted: int, name: str) -> list[object]:
    found: list[object] = []
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        text = data[at + 4 : at + 4 + length]
        if len(text) != length:
            break
        at += 4 + length
        try:
            found.append(text.decode("utf-8"))
        except UnicodeDecodeError:
            found.append(text)
    if at != len(data) or len(found) != wanted:
        raise InvalidInput(f"tensor {name!r} has bytes of {len(found)} whole element(s), and its shape has {wanted}")
    return found
