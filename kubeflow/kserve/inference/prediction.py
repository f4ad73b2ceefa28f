"""`Prediction`: what a service answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Prediction:
    """What a service answered: its outputs by name.

    It can be used as its only output: `len(prediction)`, `prediction[0]`, iteration, and
    `numpy.asarray(prediction)`. Of several outputs, `prediction["name"]` is one.

    Attributes:
        outputs: Arrays of numpy by name; nested lists where numpy is not installed, or where the rows are no array.
            Protocol v1 has one, which is called `predictions`.
        model_name: The model that answered; empty when it does not tell.
        model_version: Its version; empty when it does not tell.
        id: Of the request; empty in protocol v1.
        parameters: Further things that the server told.
        protocol: `"v2"` or `"v1"`.
    """

    outputs: Mapping[str, Any]
    model_name: str = ""
    model_version: str = ""
    id: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    protocol: Literal["v1", "v2"] = "v2"

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    @property
    def value(self) -> Any:
        """The only output.

        Raises:
            InvalidInput: There are several, or none.
        """
        if len(self.outputs) != 1:
            names = ", ".join(map(repr, self.outputs)) or "none"
            raise InvalidInput(
                f"This prediction has {len(self.outputs)} outputs ({names}): name one, prediction[name]."
            )
        return next(iter(self.outputs.values()))

    def tolist(self) -> list[object]:
        """Return the only output as nested lists.

        Raises:
            InvalidInput: There are several, or none.
        """
        value = self.value
        return cast("list[object]", value.tolist() if hasattr(value, "tolist") else value)

    def __getitem__(self, key: Any) -> Any:
        """Return the output that is called `key`; for any other key, what the only output has there.

        Raises:
            InvalidInput: There is no such output.
        """
        if not isinstance(key, str):
            return self.value[key]
        if key not in self.outputs:
            names = ", ".join(map(repr, self.outputs))
            raise InvalidInput(f"There is no output {key!r}.{did_you_mean(key, self.outputs)} There are: {names}.")
        return self.outputs[key]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        import numpy

        return numpy.array(self.value, dtype=dtype, copy=True if copy is None else copy)

    def __eq__(self, other: object) -> bool:
        """Predictions are equal when all of their fields are; arrays are compared by their elements."""
        if not isinstance(other, Prediction):
            return NotImplemented
        return _plain(self) == _plain(other)

    __hash__ = None  # type: ignore[assignment]


def _plain(prediction: Prediction) -> tuple[object, ...]:
    outputs = {name: v.tolist() if hasattr(v, "tolist") else v for name, v in prediction.outputs.items()}
    told = (prediction.model_name, prediction.model_version, prediction.id, dict(prediction.parameters))
    return (outputs, *told, prediction.protocol)
