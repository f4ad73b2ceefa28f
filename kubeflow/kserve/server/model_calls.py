"""From the body of a request to a call of the model, and from what it returned to the body of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.kserve.inference.infer_messages import (
    JSON_TYPE,
    HttpBody,
    InferAnswer,
    InferRequest,
    read_object,
    write_answer,
)
from kubeflow.kserve.inference.predict_inputs import DEFAULT_INPUT, TABLE, infer_request
from kubeflow.kserve.inference.tensors import Tensor, json_values, tensor_of
from kubeflow.kserve.server.function_models import by_name
from kubeflow.kserve.server.loaded_models import OUTPUT, ModelCall


class BrokenOutput(Exception):
    """What the model returned cannot be sent. The text is for the caller."""


def call_of_v2(request: InferRequest) -> ModelCall:
    """Return the call that a request of protocol v2 asks for."""
    table = request.parameters.get("content_type") == TABLE
    return ModelCall({tensor.name: tensor.array() for tensor in request.inputs}, table, True, request.parameters)


def call_of_v1(content: bytes) -> ModelCall:
    """Return the call that a body of protocol v1 asks for.

    `{"instances": [...]}`: an array, or a table where the instances are objects; a column of an object may be a value
    or a list of values. `{"inputs": {...}}`: tensors by name; `{"inputs": [...]}` is the same as `instances`.

    Raises:
        InvalidInput: It is none of these; in words that follow "the request".
    """
    body = read_object(content)
    given = body.get("instances", body.get("inputs"))
    if given is None:
        raise InvalidInput('it has no "instances": {"instances": [...]}')
    if isinstance(given, dict):
        named = cast("dict[str, object]", given)
        tensors = {name: tensor_of(name, value).array() for name, value in named.items()}
        return ModelCall(tensors, table=False, typed=False, body=body)
    if not isinstance(given, list):
        raise InvalidInput("instances is no list")
    rows = cast("list[object]", given)
    if rows and isinstance(rows[0], list) and rows[0] and isinstance(rows[0][0], dict):
        rows = [row for group in rows if isinstance(group, list) for row in cast("list[object]", group)]
    if rows and isinstance(rows[0], dict):
        request = infer_request(_single_rows(rows), "")
        found = {tensor.name: tensor.array() for tensor in request.inputs}
        return ModelCall(found, table=True, typed=False, body=body)
    return ModelCall({DEFAULT_INPUT: tensor_of("instances", rows).array()}, table=False, typed=False, body=body)


def _single_rows(instances: Sequence[object]) -> list[object]:
    """Return one row for each; an instance whose values are all lists of one length is as many rows."""
    rows: list[object] = []
    for instance in instances:
        columns = cast("dict[str, object]", instance) if isinstance(instance, dict) else {}
        if not columns:  # no row of a table: said when the rows are compared
            rows.append(None)
            continue
        lengths = {len(cast("list[object]", value)) if isinstance(value, list) else -1 for value in columns.values()}
        if -1 in lengths or len(lengths) != 1:
            rows.append(columns)
            continue
        lists = cast("dict[str, list[object]]", columns)
        rows += [{name: values[number] for name, values in lists.items()} for number in range(lengths.pop())]
    return rows


def outputs_of(found: object) -> tuple[Tensor, ...]:
    """Return what a model returned as tensors.

    Raises:
        BrokenOutput: It is nothing that the protocols can send.
    """
    named = by_name(found)
    if named is None:
        items: tuple[object, ...] = (found,)
        if isinstance(found, tuple):  # one of numbers is a single output, as a list is
            several = cast("tuple[object, ...]", found)
            items = several if any(hasattr(each, "__array__") for each in several) else (several,)
        named = {OUTPUT.format(number): item for number, item in enumerate(items)}
    if not named:
        raise BrokenOutput("the model returned no outputs")
    try:
        return tuple(tensor_of(name, _plain(value)) for name, value in named.items())
    except InvalidInput as error:
        words = str(error).replace("Input ", "output ", 1)
        raise BrokenOutput(f"the model returned what cannot be sent: {words}") from error


def _plain(value: object) -> object:
    """Return numpy's scalars as arrays, and anything else as it is."""
    if value is None:
        raise InvalidInput("Input is None: return an array, lists, a scalar or a dict of them.")
    return value


def answer_v2(request: InferRequest, found: object, model: str, version: str) -> HttpBody:
    """Return the answer of protocol v2.

    Raises:
        BrokenOutput: What the model returned cannot be sent.
        InvalidInput: The request asks for an output that there is not; in words that follow "the request".
    """
    outputs = outputs_of(found)
    if request.outputs:
        there = {tensor.name: tensor for tensor in outputs}
        for name in request.outputs:
            if name not in there:
                raise InvalidInput(f"it asks for output {name!r}, and the model has {', '.join(map(repr, there))}")
        outputs = tuple(there[name] for name in request.outputs)
    answer = InferAnswer(model, outputs, version, request.id)
    try:
        return write_answer(answer, request.binary_outputs)
    except InvalidInput as error:
        raise BrokenOutput(str(error)) from error


def answer_v1(found: object) -> HttpBody:
    """Return the answer of protocol v1.

    Predictions of several outputs are one object for each instance, where all have as many rows; else `outputs` has the
    tensors by name.

    Raises:
        BrokenOutput: What the model returned cannot be sent.
    """
    document: Mapping[str, object]
    if _is_json(found):
        document = {"predictions": found}
    else:
        tensors = outputs_of(found)
        try:
            nested = {t.name: Tensor(t.name, t.datatype, t.shape, json_values(t)).nested() for t in tensors}
        except InvalidInput as error:
            raise BrokenOutput(str(error)) from error
        if len(nested) == 1:
            document = {"predictions": next(iter(nested.values()))}
        elif len({tensor.shape[0] if tensor.shape else -1 for tensor in tensors}) == 1 and tensors[0].shape:
            columns = cast("dict[str, list[object]]", nested)
            rows = [{name: column[number] for name, column in columns.items()} for number in range(tensors[0].shape[0])]
            document = {"predictions": rows}
        else:
            document = {"outputs": nested}
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise BrokenOutput(f"the model returned what is no JSON: {error}") from error
    return HttpBody(text.encode(), {"Content-Type": JSON_TYPE})


def _is_json(found: object) -> bool:
    """Return True for lists of objects and ragged lists, which protocol v1 can send and v2 cannot."""
    if not isinstance(found, list) or not found:
        return False
    try:
        tensor_of("predictions", cast("list[object]", found))
    except InvalidInput:
        return True
    return False
