"""A tensor on its way: name, datatype, shape and elements, as JSON or as bytes.

numpy is used where it is installed. Without it, tensors are flat lists: everything works, and is slower.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.datatypes import DATATYPES, datatype_of_numpy, integer_bounds

if TYPE_CHECKING:
    import numpy as np

Values = Sequence[object]
"""Elements in row-major order."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor.

    Attributes:
        name: Its name.
        datatype: The protocol's word, like `"FP32"`.
        shape: Its shape; `()` is a scalar.
        values: Elements in row-major order; of BYTES as text, or as bytes where they are no UTF-8.
        parameters: The tensor's own parameters.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Values = field(repr=False)
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])

    __repr__ = repr_of_fields

    def array(self) -> np.ndarray[Any, Any]:
        """Return it as an array of numpy. BF16, which numpy lacks, becomes float32.

        Raises:
            ImportError: When numpy is not installed.
        """
        import numpy

        values: Any = self.values
        kind = DATATYPES[self.datatype].numpy or "float32"
        if hasattr(values, "reshape"):
            reshaped: np.ndarray[Any, Any] = values.reshape(self.shape)
            return reshaped
        if kind == "object":
            made = numpy.empty(len(values), dtype=object)
            made[:] = values
            return made.reshape(self.shape)
        missing = kind.startswith("float") and any(value is None for value in values)
        filled = [math.nan if value is None else value for value in values] if missing else values
        return numpy.array(filled, dtype=kind).reshape(self.shape)

    def nested(self) -> object:
        """Return it as nested lists; a scalar as its value."""
        values: Any = self.values
        flat: list[object] = values.tolist() if hasattr(values, "tolist") else list(values)
        if not self.shape:
            return flat[0]
        for length in reversed(self.shape[1:]):
            flat = (
                [flat[i : i + length] for i in range(0, len(flat), length)]
                if length
                else [[] for _ in range(self.shape[0])]
            )
        return flat

    def value(self) -> Any:
        """Return an array where numpy is installed, else nested lists."""
        return self.array() if has_numpy() else self.nested()


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor that a model takes or returns.

    Attributes:
        name: Its name.
        datatype: The protocol's word, like `"FP32"`.
        shape: Lengths of its axes; -1 for any.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    __repr__ = repr_of_fields

    def document(self) -> dict[str, object]:
        """Return it as metadata has it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def has_numpy() -> bool:
    """Return True when numpy is installed."""
    return "numpy" in sys.modules or find_spec("numpy") is not None


def count(shape: Iterable[int]) -> int:
    """Return how many elements a shape has."""
    return math.prod(shape)


def tensor_of(name: str, value: object) -> Tensor:
    """Return a value as a tensor.

    Args:
        name: What it is called.
        value: An array of numpy, anything with `__array__` (a tensor of torch, a column of pandas), a scalar, or nested
            lists of bool, int, float, text or bytes.

    Raises:
        InvalidInput: For lists of different lengths, mixed types, and types that the protocol does not have.
    """
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # of torch, maybe on a GPU or with a gradient
        value = cast("Any", value).detach().cpu()
        if str(cast("Any", value).dtype) == "torch.bfloat16":
            value = cast("Any", value).float()
    if hasattr(value, "__array__"):
        return _from_array(name, value)
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        if _holds_arrays(items):
            return _from_array(name, items)
        shape, flat = _flattened(name, items)
        return Tensor(name, _datatype(name, flat), shape, flat)
    if isinstance(value, (bool, int, float, str, bytes)):
        return Tensor(name, _datatype(name, [value]), (), [value])
    raise InvalidInput(
        f"Input {name!r} is a {type(value).__name__}: give an array, or (nested) lists of numbers, bool or text."
    )


def _holds_arrays(items: Sequence[object]) -> bool:
    first = items
    while first and isinstance(first[0], (list, tuple)):
        first = cast("Sequence[object]", first[0])
    return bool(first) and hasattr(first[0], "__array__")


def _from_array(name: str, value: object) -> Tensor:
    import numpy

    try:
        array: np.ndarray[Any, Any] = numpy.asarray(value)
    except ValueError as error:
        raise InvalidInput(f"Input {name!r} is no array: {error}. Give lists of one length.") from error
    datatype = datatype_of_numpy(array.dtype.kind, array.dtype.name)
    if datatype is None:
        raise InvalidInput(
            f"Input {name!r} has numpy's type {array.dtype.name}, which the protocol has no datatype for: convert it, "
            "for example with .astype('float64')."
        )
    shape = tuple(int(length) for length in array.shape)
    if datatype == "BYTES":
        elements: list[object] = array.ravel().tolist()
        found = _datatype(name, elements) if elements else "BYTES"
        # An array of objects may hold numbers, as a column with gaps does.
        return Tensor(name, found, shape, elements)
    return Tensor(name, datatype, shape, cast("Values", array.ravel()))


def _flattened(name: str, items: Sequence[object]) -> tuple[tuple[int, ...], list[object]]:
    """Return the shape and the elements of nested lists."""
    shape: list[int] = []
    level: list[object] = list(items)
    shape.append(len(level))
    while level and all(isinstance(item, (list, tuple)) for item in level):
        lengths = {len(cast("Sequence[object]", item)) for item in level}
        if len(lengths) > 1:
            raise InvalidInput(
                f"Input {name!r} has rows of different lengths ({', '.join(map(str, sorted(lengths)))}): a tensor has "
                "one length for all of them."
            )
        shape.append(lengths.pop())
        level = [value for item in level for value in cast("Sequence[object]", item)]
    if any(isinstance(item, (list, tuple)) for item in level):
        raise InvalidInput(f"Input {name!r} mixes lists and values at one depth: a tensor has one shape.")
    return tuple(shape), level


def _datatype(name: str, values: Sequence[object]) -> str:
    """Return the datatype of Python's values; `None` counts as a missing number."""
    if not values:
        return "FP64"
    kinds = {_KINDS.get(type(value), "") for value in values}
    if "" in kinds:
        odd = next(type(value).__name__ for value in values if type(value) not in _KINDS)
        raise InvalidInput(f"Input {name!r} holds a {odd}: elements are numbers, bool, text or bytes.")
    if kinds <= {"bytes"}:
        return "BYTES"
    if kinds == {"bool"}:
        return "BOOL"
    if kinds == {"int"}:
        numbers = cast("Sequence[int]", values)
        low, high = min(numbers), max(numbers)
        for bounds in ("INT64", "UINT64"):
            least, most = integer_bounds(DATATYPES[bounds]) or (0, 0)
            if least <= low and high <= most:
                return bounds
        raise InvalidInput(f"Input {name!r} holds whole numbers beyond 64 bits, which the protocol does not have.")
    if kinds <= {"int", "float", "none"}:
        return "FP64"
    mixed = ", ".join(sorted({type(value).__name__ for value in values}))
    raise InvalidInput(f"Input {name!r} mixes {mixed}: all elements of a tensor have one type.")


_KINDS: Mapping[type, str] = {
    bool: "bool", int: "int", float: "float", str: "bytes", bytes: "bytes", type(None): "none",
}  # fmt: skip


def check_values(tensor: Tensor) -> None:
    """Make sure that a tensor's elements are of its datatype, and as many as its shape has.

    Raises:
        InvalidInput: With the name of the tensor and what is wrong.
    """
    known = DATATYPES.get(tensor.datatype)
    if known is None:
        raise InvalidInput(
            f"tensor {tensor.name!r} has datatype {tensor.datatype!r}, which is none of {', '.join(DATATYPES)}"
        )
    if len(tensor.values) != count(tensor.shape):
        raise InvalidInput(
            f"tensor {tensor.name!r} has {len(tensor.values)} element(s), and its shape {list(tensor.shape)} has "
            f"{count(tensor.shape)}"
        )
    if not isinstance(tensor.values, list):
        return  # an array, or bytes that were read as this datatype
    wanted = _TAKES[known.kind]
    for value in tensor.values:
        if type(value) not in wanted:
            raise InvalidInput(
                f"tensor {tensor.name!r} of datatype {tensor.datatype} has an element of another type: {value!r:.80}"
            )
    bounds = integer_bounds(known)
    if bounds is not None and tensor.values:
        numbers = cast("list[int]", tensor.values)
        low, high = min(numbers), max(numbers)
        if low < bounds[0] or high > bounds[1]:
            raise InvalidInput(
                f"tensor {tensor.name!r} of datatype {tensor.datatype} has a value out of its range: "
                f"{low if low < bounds[0] else high}"
            )


_TAKES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "uint": (int,),
    "float": (float, int, type(None)),
    "bytes": (str, bytes),
}


def json_values(tensor: Tensor) -> list[object]:
    """Return a tensor's elements as JSON has them: NaN as null, which JSON has in its place.

    Raises:
        InvalidInput: For infinite numbers and for bytes that are no UTF-8, which JSON cannot hold.
    """
    values: Any = tensor.values
    flat: list[object] = values.tolist() if hasattr(values, "tolist") else list(values)
    kind = DATATYPES[tensor.datatype].kind
    if kind == "float":
        for number, value in enumerate(flat):
            if isinstance(value, float) and not math.isfinite(value):
                if math.isinf(value):
                    raise InvalidInput(
                        f"Tensor {tensor.name!r} holds an infinite number, which JSON has no word for: send it as "
                        "bytes (binary=True)."
                    )
                flat[number] = None
    elif kind == "bytes":
        try:
            return [value.decode("utf-8") if isinstance(value, bytes) else value for value in flat]
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"Tensor {tensor.name!r} holds bytes that are no UTF-8, which JSON cannot hold: send them as bytes "
                "(binary=True), or as base64 if the model reads that."
            ) from error
    return flat
