"""What the server needs of a model that is in memory, whatever loaded it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.tensors import TensorSpec

if TYPE_CHECKING:
    import numpy as np

OUTPUT = "output-{}"
"""What outputs are called that have no name of their own, as by KServe's servers: `output-0`, `output-1`, ..."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a request asks of a model.

    Attributes:
        tensors: Inputs by name.
        table: True when the inputs are the columns of one table.
        typed: True when the caller has said the datatypes (protocol v2); JSON of v1 has none.
        parameters: Of the request.
        body: The whole body of a v1 request.
    """

    tensors: Mapping[str, np.ndarray[Any, Any]]
    table: bool = False
    typed: bool = True
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    body: Mapping[str, object] | None = None

    __repr__ = repr_of_fields

    def frame(self) -> Any:
        """Return the inputs as a data frame of pandas; where pandas is not installed, as one array of its columns."""
        columns = {name: column.reshape(len(column), -1) for name, column in self.tensors.items() if column.ndim}
        if len(columns) < len(self.tensors) or any(column.shape[1] != 1 for column in columns.values()):
            odd = next(n for n, tensor in self.tensors.items() if not tensor.ndim or columns[n].shape[1] != 1)
            raise InvalidInput(f"input {odd!r} is no column of a table: give it the shape [rows] or [rows, 1]")
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise InvalidInput(f"the columns have different lengths: {', '.join(map(str, sorted(lengths)))}")
        try:
            import pandas
        except ImportError:
            import numpy

            return numpy.concatenate(list(columns.values()), axis=1)
        return pandas.DataFrame({name: column[:, 0] for name, column in columns.items()})

    def matrix(self) -> Any:
        """Return the only tensor, or the columns as a data frame."""
        if not self.table and len(self.tensors) == 1:
            return next(iter(self.tensors.values()))
        return self.frame()


class LoadedModel(Protocol):
    """A model in memory."""

    @property
    def platform(self) -> str:
        """What metadata calls its kind, like `"sklearn"`."""
        ...

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What it takes, as far as it tells."""
        ...

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What it returns, as far as it tells."""
        ...

    @property
    def threads(self) -> int:
        """How many calls may run side by side; 0 for as many as there are CPUs."""
        ...

    def predict(self, call: ModelCall) -> object:
        """Return what the model says: an array, a mapping of arrays, a tuple of arrays, a data frame, lists, a scalar.

        Runs in a thread. A coroutine that it returns is awaited in the server's loop.

        Raises:
            InvalidInput: The inputs do not fit the model; in words that follow "the request".
            Exception: The model failed.
        """
        ...


def check_features(given: object, wanted: int | None) -> None:
    """Refuse a matrix that has another number of columns than the model was trained with.

    Raises:
        InvalidInput: In words that follow "the request".
    """
    shape: tuple[int, ...] = getattr(given, "shape", ())
    if len(shape) != 2:
        raise InvalidInput(
            f"the model takes a matrix [rows, {wanted or 'features'}], and the input has shape {list(shape)}"
        )
    if wanted is not None and wanted > 0 and shape[1] != wanted:
        raise InvalidInput(f"the model takes {wanted} feature(s) a row, and the input has {shape[1]}")


def check_names(
    takes: str, names: Sequence[str], needed: Iterable[str], given: Iterable[str], *, any_other: bool = False
) -> None:
    """Refuse tensors that are missing, and those that nobody knows.

    Args:
        takes: What takes them, in words before their names.
        names: All that are known.
        needed: Those that must be there.
        given: Those that there are.
        any_other: True when unknown ones are taken too.

    Raises:
        InvalidInput: In words that follow "the request".
    """
    there = list(given)
    missing = [repr(name) for name in needed if name not in there]
    unknown = [repr(name) for name in there if name not in names and not any_other]
    wrong = [f"{', '.join(part)} {word}" for part, word in ((missing, "missing"), (unknown, "unknown")) if part]
    if wrong:
        raise InvalidInput(f"{takes} {', '.join(map(repr, names))}: {'; '.join(wrong)}")
