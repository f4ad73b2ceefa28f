"""Values that only pickle can carry, for a job that runs under this very Python.

Functions, classes and modules are left out of the pickles: the job has them from the user's text, or imports them.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast

from kubeflow.core.stdlib import pickle
from kubeflow.packaging.remote import codec
from kubeflow.packaging.remote.pickled import FILE, SETTER, set_attributes

if TYPE_CHECKING:
    from typing_extensions import Buffer

LARGEST = 64 * 1024 * 1024
"""Bytes of one pickle, beyond which no compression makes it fit into a bundle."""
NAMELESS: tuple[object, ...] = (type(None), type(...), type(NotImplemented))
"""Classes without a name in Python 3.9. Pickle knows them."""


class _Sink(io.RawIOBase):
    """Takes pickles and keeps nothing."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        size = memoryview(data).nbytes
        self.size += size
        if self.size > LARGEST:
            raise pickle.PicklingError(f"it takes more than {LARGEST >> 20} MiB")
        return size


class _Pickler(pickle.Pickler):
    """Asks `named` how the job finds an object without a pickle; pickles it where that is None."""

    def __init__(self, stream: io.BytesIO | _Sink, named: Callable[[object], object]) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self._named = named

    def persistent_id(self, obj: object) -> object:
        return self._named(obj)

    def reducer_override(self, obj: object) -> Any:
        if not _is_tensor(obj):
            return NotImplemented
        gradient: object = getattr(obj, "grad", None)
        reduced = cast("tuple[object, ...]", obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL))
        if gradient is None or len(reduced) > 2:
            return reduced
        return (*reduced, {"grad": gradient}, None, None, set_attributes)  # PyTorch leaves it out


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _check_tensor(tensor: Any) -> None:
    if tensor.grad_fn is not None:
        raise codec.CodecError("", "is a tensor inside of a computation, whose gradients would be lost", tensor)
    if tensor.device.type not in ("cpu", "meta"):
        raise codec.CodecError("", f"lies on {tensor.device}, and the job may have other devices", tensor)


class Pickles:
    """The pickled values of one bundle.

    Args:
        named: Returns how the job finds an object without a pickle: `module:name`, the number of a value in the table
            of shared ones, or None. It may provide for that object, and pickle others meanwhile.
    """

    def __init__(self, named: Callable[[object], str | int | None]) -> None:
        self._provide = named
        self._names: dict[int, str | int | None] = {id(set_attributes): SETTER}
        self._alive: list[object] = []
        self._numbers: dict[int, int] = {}
        self._stream = io.BytesIO()
        self._pickler = _Pickler(self._stream, lambda value: self._names.get(id(value)))

    def node(self, value: object) -> dict[str, object]:
        """Pickle a value, and return the JSON that stands for it.

        Raises:
            CodecError: When pickle cannot carry it either.
        """
        if id(value) not in self._numbers:
            self._collect(value)
            self._dump(self._pickler, value)
            self._numbers[id(value)] = len(self._numbers)
        return {codec.TAG: "pickle", "n": self._numbers[id(value)]}

    def holds(self, value: object) -> bool:
        """Say whether a value is part of what has been pickled."""
        return self._names.get(id(value), "") is None

    def files(self) -> dict[str, bytes]:
        """Return the file of the bundle that has all of them; none without a value."""
        version = f"{sys.version_info[0]}.{sys.version_info[1]}\n"
        return {f".kubeflow/{FILE}": version.encode() + self._stream.getvalue()} if self._numbers else {}

    def _collect(self, value: object) -> None:
        """Pickle a value for nothing, to learn what it consists of, and provide for what is not pickled."""
        parts: list[object] = []

        def noted(part: object) -> object:
            if id(part) in self._names:
                return self._names[id(part)]
            if _is_tensor(part):
                _check_tensor(part)
            parts.append(part)
            return "code" if is_code(part) and part not in NAMELESS else None

        self._dump(_Pickler(_Sink(), noted), value)
        self._alive += parts  # names go by id: what they are for must not be collected
        for part in parts:
            if id(part) not in self._names:
                self._names[id(part)] = self._provide(part)

    @staticmethod
    def _dump(pickler: _Pickler, value: object) -> None:
        try:
            pickler.dump(value)
        except codec.CodecError:
            raise
        except Exception as error:
            raise codec.CodecError("", f"cannot be pickled: {type(error).__name__}: {error}", value) from error


def is_code(value: object) -> bool:
    """Say whether a value is a function, class or module. A method of an object in C is pickled with that object."""
    if isinstance(value, BuiltinFunctionType):
        return isinstance(value.__self__, ModuleType | type(None))
    return isinstance(value, FunctionType | type | ModuleType)
