"""Requests and answers of the Open Inference Protocol (v2) as bytes, read and written by client and server alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.kserve.inference.binary_tensors import (
    ALL_PARAMETER,
    ASKED_PARAMETER,
    LENGTH_HEADER,
    SIZE_PARAMETER,
    from_bytes,
    to_bytes,
)
from kubeflow.kserve.inference.datatypes import DATATYPES
from kubeflow.kserve.inference.tensors import Tensor, check_values, count, json_values

JSON_TYPE = "application/json"
BINARY_TYPE = "application/octet-stream"

_MOST_ELEMENTS = 1 << 40  # a shape beyond this is a mistake, and not to be multiplied out


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request.

    Attributes:
        inputs: The tensors.
        id: Returned with the answer; empty for none.
        parameters: The request's own parameters.
        outputs: Names of the outputs that are asked for; empty for all.
        binary_outputs: Those that are wanted as bytes; `None` for all.
    """

    inputs: tuple[Tensor, ...]
    id: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    outputs: tuple[str, ...] = ()
    binary_outputs: Collection[str] | None = ()

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """An answer.

    Attributes:
        model_name: The model that answered.
        outputs: The tensors.
        model_version: Its version; empty when it tells none.
        id: That of the request.
        parameters: The answer's own parameters.
    """

    model_name: str
    outputs: tuple[Tensor, ...]
    model_version: str = ""
    id: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class HttpBody:
    """A body with the headers that describe it."""

    content: bytes
    headers: Mapping[str, str]


def write_request(request: InferRequest, *, binary: bool = False) -> HttpBody:
    """Return a request as bytes.

    Args:
        request: The request.
        binary: Send all tensors as bytes behind the JSON, and ask for the outputs in the same way.

    Raises:
        InvalidInput: JSON cannot hold a value.
    """
    parameters = dict(request.parameters)
    if binary:
        parameters.setdefault(ALL_PARAMETER, True)
    head: dict[str, object] = {"id": request.id} if request.id else {}
    if parameters:
        head["parameters"] = parameters
    entries, tail = _written(request.inputs, [tensor.name for tensor in request.inputs] if binary else ())
    head["inputs"] = entries
    if request.outputs:
        head["outputs"] = [{"name": name} for name in request.outputs]
    return _body(head, tail)


def write_answer(answer: InferAnswer, binary: Collection[str] | None = ()) -> HttpBody:
    """Return an answer as bytes.

    Args:
        answer: The answer.
        binary: Outputs that are sent as bytes; `None` for all.

    Raises:
        InvalidInput: JSON cannot hold a value.
    """
    head: dict[str, object] = {"model_name": answer.model_name}
    if answer.model_version:
        head["model_version"] = answer.model_version
    if answer.id:
        head["id"] = answer.id
    if answer.parameters:
        head["parameters"] = dict(answer.parameters)
    wanted = [tensor.name for tensor in answer.outputs] if binary is None else binary
    head["outputs"], tail = _written(answer.outputs, wanted)
    return _body(head, tail)


def read_request(content: bytes, headers: Mapping[str, str]) -> InferRequest:
    """Return the request in a body.

    Args:
        content: The body.
        headers: Of the request, with names in lower case.

    Raises:
        InvalidInput: It is no request, or a tensor is not what it says; in words that follow "the request".
    """
    document, tail = _head(content, headers)
    name = document.get("id", "")
    if not isinstance(name, str):
        raise InvalidInput("id is a text")
    inputs = _list(document, "inputs")
    if not inputs:
        raise InvalidInput("there are no inputs: {'inputs': [{'name', 'shape', 'datatype', 'data'}]}")
    tensors, _ = _read_tensors(inputs, tail, strict=True)
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise InvalidInput(f"two inputs have one name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
    parameters = _parameters(document)
    asked = [_object(entry, "an entry of outputs") for entry in _list(document, "outputs")]
    outputs = tuple(_name(entry, "an output") for entry in asked)
    everything = parameters.get(ALL_PARAMETER) is True
    binary = {
        _name(entry, "an output") for entry in asked if _parameters(entry).get(ASKED_PARAMETER, everything) is True
    }
    return InferRequest(tensors, name, parameters, outputs, None if everything and not asked else binary)


def read_answer(content: bytes, headers: Mapping[str, str]) -> InferAnswer:
    """Return the answer in a body.

    Args:
        content: The body.
        headers: Of the answer, with names in lower case.

    Raises:
        InvalidInput: It is no answer; in words that follow "the answer".
    """
    document, tail = _head(content, headers)
    if not isinstance(document.get("outputs"), list):
        raise InvalidInput("it has no outputs")
    tensors, _ = _read_tensors(_list(document, "outputs"), tail, strict=False)
    texts = {key: document.get(key) for key in ("model_name", "model_version", "id")}
    return InferAnswer(
        model_name=str(texts["model_name"] or ""),
        outputs=tensors,
        model_version=str(texts["model_version"] or ""),
        id=str(texts["id"] or ""),
        parameters=_parameters(document),
    )


def _written(tensors: Sequence[Tensor], binary: Collection[str]) -> tuple[list[dict[str, object]], bytes]:
    entries: list[dict[str, object]] = []
    tail: list[bytes] = []
    for tensor in tensors:
        entry: dict[str, object] = {
            "name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype
        }  # fmt: skip
        parameters = dict(tensor.parameters)
        if tensor.name in binary and tensor.datatype != "BF16":
            piece = to_bytes(tensor)
            parameters[SIZE_PARAMETER] = len(piece)
            tail.append(piece)
        else:
            entry["data"] = json_values(tensor)
        if parameters:
            entry["parameters"] = parameters
        entries.append(entry)
    return entries, b"".join(tail)


def _body(head: Mapping[str, object], tail: bytes) -> HttpBody:
    text = json.dumps(head, allow_nan=False, separators=(",", ":")).encode()
    if not tail:
        return HttpBody(text, {"Content-Type": JSON_TYPE})
    return HttpBody(text + tail, {"Content-Type": BINARY_TYPE, LENGTH_HEADER: str(len(text))})


def _head(content: bytes, headers: Mapping[str, str]) -> tuple[dict[str, object], bytes]:
    """Return the JSON of a body, and what follows it."""
    length = headers.get(LENGTH_HEADER.lower())
    tail = b""
    if length is not None:
        if not length.isdigit() or int(length) > len(content):
            raise InvalidInput(f"its header {LENGTH_HEADER} is no number of bytes of the body: {length!r}")
        content, tail = content[: int(length)], content[int(length) :]
    return read_object(content), tail


def read_object(content: bytes) -> dict[str, object]:
    """Return the JSON object that bytes are.

    Raises:
        InvalidInput: They are none; in words that follow "the request" or "the answer".
    """
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"it is no JSON: {error}") from None
    return _object(document, "it")


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} is no JSON object")
    return cast("dict[str, object]", value)


def _list(document: Mapping[str, object], key: str) -> list[object]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{key} is no list")
    return cast("list[object]", value)


def _name(entry: Mapping[str, object], what: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"{what} has no name")
    return name


def _parameters(entry: Mapping[str, object]) -> dict[str, object]:
    value = entry.get("parameters")
    return {} if value is None else _object(value, "parameters")


def _read_tensors(entries: Sequence[object], tail: bytes, *, strict: bool) -> tuple[tuple[Tensor, ...], int]:
    found: list[Tensor] = []
    at = 0
    for each in entries:
        entry = _object(each, "a tensor")
        name = _name(entry, "a tensor")
        parameters = _parameters(entry)
        size = parameters.pop(SIZE_PARAMETER, None)
        datatype, shape = entry.get("datatype"), _shape(entry.get("shape"), name)
        if not isinstance(datatype, str) or datatype not in DATATYPES:
            raise InvalidInput(f"tensor {name!r} has datatype {datatype!r}, which is none of {', '.join(DATATYPES)}")
        if size is None:
            tensor = Tensor(name, datatype, shape, _flat(entry.get("data"), name, shape), parameters)
            _check(tensor, strict=strict)
        else:
            if not isinstance(size, int) or size < 0 or at + size > len(tail):
                raise InvalidInput(f"tensor {name!r} has {SIZE_PARAMETER}={size!r}, and the body has no so many bytes")
            piece, at = tail[at : at + size], at + size
            tensor = Tensor(name, datatype, shape, from_bytes(datatype, shape, piece, name), parameters)
        found.append(tensor)
    if at != len(tail):
        raise InvalidInput(f"its body has {len(tail) - at} byte(s) that belong to no tensor")
    return tuple(found), at


def _check(tensor: Tensor, *, strict: bool) -> None:
    if strict:
        check_values(tensor)
    elif len(tensor.values) != count(tensor.shape):
        check_values(replace(tensor, datatype="BYTES"))


def _shape(value: object, name: str) -> tuple[int, ...]:
    lengths = cast("list[object]", value) if isinstance(value, list) else None
    if lengths is None or not all(type(length) is int and length >= 0 for length in lengths):
        raise InvalidInput(f"tensor {name!r} has shape {value!r}, which is no list of lengths")
    shape = tuple(cast("list[int]", lengths))
    if count(shape) > _MOST_ELEMENTS:
        raise InvalidInput(f"tensor {name!r} has shape {list(shape)}, which nothing can hold")
    return shape


def _flat(data: object, name: str, shape: Sequence[int]) -> list[object]:
    """Return the elements of a tensor's data, which may be nested as its shape is."""
    if data is None:
        raise InvalidInput(f"tensor {name!r} has no data")
    if not isinstance(data, list):
        if shape:
            raise InvalidInput(f"tensor {name!r} has data that is no list")
        return [data]
    level = cast("list[object]", data)
    depth = 1
    while level and isinstance(level[0], list):
        if depth >= max(len(shape), 1):
            raise InvalidInput(f"tensor {name!r} has data that is nested deeper than its shape {list(shape)}")
        lengths = {len(cast("list[object]", item)) if isinstance(item, list) else -1 for item in level}
        if len(lengths) > 1:
            raise InvalidInput(f"tensor {name!r} has rows of different lengths")
        if lengths != {shape[depth]}:
            raise InvalidInput(f"tensor {name!r} has rows of {lengths.pop()}, and its shape {list(shape)} has another")
        level = [value for item in level for value in cast("list[object]", item)]
        depth += 1
    return level
