"""From what users give `predict` to a request of either protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.kserve.inference.datatypes import DATATYPES, integer_bounds
from kubeflow.kserve.inference.infer_messages import JSON_TYPE, HttpBody, InferRequest, read_object
from kubeflow.kserve.inference.prediction import Prediction
from kubeflow.kserve.inference.tensors import Tensor, TensorSpec, has_numpy, json_values, tensor_of

DEFAULT_INPUT = "input-0"
"""The name of a tensor that the user has given none."""

TABLE = "pd"
"""Content type of a request whose inputs are the columns of one table, for KServe's model servers and MLServer."""


def infer_request(
    inputs: object,
    identifier: str,
    parameters: Mapping[str, object] | None = None,
    outputs: Sequence[str] = (),
    wanted: Sequence[TensorSpec] = (),
) -> InferRequest:
    """Return the request of protocol v2 for what a user gave.

    Args:
        inputs: An array, nested lists or a scalar: one tensor, called as the only one in `wanted`, else `input-0`. A
            mapping: tensors by name. A data frame of pandas, or a list of mappings with the same keys: a table, whose
            columns are the tensors.
        identifier: Its id.
        parameters: The request's own parameters.
        outputs: Names of the outputs that are asked for; empty for all.
        wanted: What the model says that it takes. Lists, which have no datatype of their own, get its datatype; arrays
            keep theirs.

    Raises:
        InvalidInput: It is none of these.
    """
    told = dict(parameters or {})
    if isinstance(inputs, Mapping):
        given = cast("Mapping[object, object]", inputs)
        if not given:
            raise InvalidInput("There is nothing to predict: the mapping of inputs is empty.")
        odd = [name for name in given if not isinstance(name, str) or not name]
        if odd:
            raise InvalidInput(f"Tensors are called by texts, not {odd[0]!r}: give {{'name': array}}.")
        tensors = tuple(_typed(cast(str, name), value, wanted) for name, value in given.items())
    elif (columns := _columns(inputs)) is not None:
        told.setdefault("content_type", TABLE)
        tensors = tuple(tensor_of(name, value) for name, value in columns.items())
    else:
        tensors = (_typed(wanted[0].name if len(wanted) == 1 else DEFAULT_INPUT, inputs, wanted),)
    return InferRequest(tensors, identifier, told, tuple(outputs))


def needs_specs(inputs: object) -> bool:
    """Return True when a tensor has no name or no datatype of its own, so that what the model says of it counts."""
    if isinstance(inputs, Mapping):
        values = cast("Mapping[object, object]", inputs).values()
        return not all(hasattr(value, "__array__") or isinstance(value, Tensor) for value in values)
    return not hasattr(inputs, "iloc")


def _typed(name: str, value: object, wanted: Sequence[TensorSpec]) -> Tensor:
    tensor = tensor_of(name, value)
    spec = next((spec for spec in wanted if spec.name == name), None)
    if spec is None or not isinstance(tensor.values, list) or spec.datatype not in DATATYPES:
        return tensor
    have, want = DATATYPES[tensor.datatype], DATATYPES[spec.datatype]
    bounds = integer_bounds(want)
    if want.kind == "float" and have.kind in ("int", "uint", "float"):
        return replace(tensor, datatype=want.name)
    if bounds is not None and have.kind in ("int", "uint"):
        numbers = cast("list[int]", tensor.values)
        if not numbers or (bounds[0] <= min(numbers) and max(numbers) <= bounds[1]):
            return replace(tensor, datatype=want.name)
    return tensor


def _columns(inputs: object) -> dict[str, object] | None:
    """Return the columns of a table by name; `None` when the inputs are no table."""
    if hasattr(inputs, "columns") and hasattr(inputs, "iloc"):  # of pandas, which need not be loaded for this
        table = cast("Any", inputs)
        names = [str(name) for name in table.columns]
        if len(set(names)) < len(names):
            raise InvalidInput("The data frame has two columns of one name: rename one.")
        return {name: table.iloc[:, number].to_numpy() for number, name in enumerate(names)}
    rows = cast("list[object]", inputs) if isinstance(inputs, list) else []
    if not rows or not isinstance(rows[0], Mapping):
        return None
    names = list(cast("Mapping[str, object]", rows[0]))
    columns: dict[str, object] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or set(cast("Mapping[str, object]", row)) != set(names):
            raise InvalidInput(f"Row {number} has other keys than row 0: a table has the same columns in all rows.")
        for name in names:
            cast("list[object]", columns[name]).append(cast("Mapping[str, object]", row)[name])
    return columns


def v1_request(inputs: object, parameters: Mapping[str, object] | None = None) -> HttpBody:
    """Return the request of protocol v1, `{"instances": [...]}`, for what a user gave.

    Args:
        inputs: An array or nested lists, whose first axis counts the instances; a data frame of pandas; a list of
            mappings, each an instance; or the whole body, a mapping with `instances` or `inputs`. A mapping of tensors
            becomes `inputs`, the columnar form, which not every server reads.
        parameters: Further keys of the body.

    Raises:
        InvalidInput: It is none of these.
    """
    extra = dict(parameters or {})
    body: dict[str, object]
    if isinstance(inputs, Mapping):
        given = cast("Mapping[str, object]", inputs)
        if "instances" in given or "inputs" in given:
            body = {key: _plain(key, value) for key, value in given.items()}
        else:
            body = {"inputs": {str(name): _nested(str(name), value) for name, value in given.items()}}
    elif hasattr(inputs, "columns") and (columns := _columns(inputs)) is not None:
        # KServe's servers make a data frame of each instance, and take its columns as lists only.
        body = {"instances": [{name: _nested(name, value) for name, value in columns.items()}]}
    else:
        body = {"instances": _plain("instances", inputs)}
    if not isinstance(body.get("instances", []), list):
        raise InvalidInput("Protocol v1 takes a list of instances: give [x] for a single one.")
    try:
        text = json.dumps({**extra, **body}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The inputs are no JSON ({error}): give arrays, lists, numbers and text.") from error
    return HttpBody(text.encode(), {"Content-Type": JSON_TYPE})


def _plain(name: str, value: object) -> object:
    """Return a value as JSON has it; lists of mappings, which are no tensors, stay as they are."""
    if isinstance(value, (list, tuple)):
        return [_plain(name, item) for item in cast("Sequence[object]", value)]
    if isinstance(value, Mapping):
        return {str(key): _plain(str(key), item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, str) or value is None:
        return value
    return _nested(name, value)


def _nested(name: str, value: object) -> object:
    tensor = tensor_of(name, value)
    return Tensor(name, tensor.datatype, tensor.shape, json_values(tensor)).nested()


def read_v1_answer(content: bytes, model_name: str) -> Prediction:
    """Return the answer of protocol v1 in a body.

    Raises:
        InvalidInput: It has no predictions; in words that follow "the answer".
    """
    document = read_object(content)
    rest = {key: value for key, value in document.items() if key not in ("predictions", "outputs")}
    found = document.get("predictions", document.get("outputs"))
    if found is None:
        raise InvalidInput("it has no predictions")
    return Prediction({"predictions": _array(found)}, model_name, parameters=rest, protocol="v1")


def _array(value: object) -> object:
    """Return predictions as an array where they are one; ragged lists and mappings stay as they are."""
    if not isinstance(value, list):
        return value
    items = cast("list[object]", value)
    try:
        return tensor_of("predictions", items).array() if has_numpy() else items
    except InvalidInput:
        return items
