"""Tensors, requests and answers as bytes: what goes in comes out, and what cannot be sent is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.infer_messages import (
    HttpBody,
    InferAnswer,
    InferRequest,
    read_answer,
    read_request,
    write_answer,
    write_request,
)
from kubeflow.kserve.inference.predict_inputs import infer_request, needs_specs, read_v1_answer, v1_request
from kubeflow.kserve.inference.tensors import TensorSpec, tensor_of

DTYPES = [
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
]


def headers(body: HttpBody) -> dict[str, str]:
    return {name.lower(): value for name, value in body.headers.items()}


def through(request: InferRequest, *, binary: bool = False) -> InferRequest:
    body = write_request(request, binary=binary)
    return read_request(body.content, headers(body))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_type_arrive_as_they_were(dtype: str, binary: bool) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    if dtype in ("int64", "uint64"):
        array[0, 0] = np.iinfo(dtype).max
    (tensor,) = through(infer_request({"x": array}, "a"), binary=binary).inputs
    assert tensor.array().dtype == array.dtype
    np.testing.assert_array_equal(tensor.array(), array)


@pytest.mark.parametrize("binary", [False, True])
def test_text_and_missing_numbers_arrive_as_they_were(binary: bool) -> None:
    given = {"words": [["ä", ""], ["x" * 70_000, "\n"]], "gaps": np.array([1.5, np.nan])}
    request = through(infer_request(given, "a"), binary=binary)
    words, gaps = request.inputs
    assert words.datatype == "BYTES"
    assert words.array().tolist() == given["words"]
    np.testing.assert_array_equal(gaps.array(), given["gaps"])
    assert request.id == "a"


def test_bytes_that_are_no_text_travel_as_bytes_only() -> None:
    given = infer_request({"image": [b"\xff\xd8", "x"]}, "a")
    with pytest.raises(InvalidInput, match="no UTF-8.*binary=True"):
        write_request(given)
    assert through(given, binary=True).inputs[0].values == [b"\xff\xd8", "x"]


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(InvalidInput, match="infinite number"):
        write_request(infer_request([1.0, float("inf")], "a"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([[1, 2], [3]], "rows of different lengths"),
        ([[1, 2], 3], "mixes lists and values"),
        ([1, "a"], "mixes int, str"),
        ([1, True], "mixes bool, int"),
        ([{"a": 1}, {"b": 1}], "Row 1 has other keys"),
        ({}, "the mapping of inputs is empty"),
        ({1: [1]}, "Tensors are called by texts"),
        ([2**70], "beyond 64 bits"),
        (object(), "is a object"),
        (np.array([1 + 2j]), "complex128"),
        ([[object()]], "holds a object"),
    ],
)
def test_what_is_no_tensor_is_refused_by_what_is_wrong(given: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        infer_request(given, "a")


def test_a_data_frame_and_rows_by_name_are_a_table() -> None:
    import pandas as pd

    frame = pd.DataFrame({"age": [1, 2], "name": ["a", "b"]})
    for given in (frame, frame.to_dict("records")):
        request = infer_request(given, "a")
        assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in request.inputs] == [
            ("age", "INT64", (2,)),
            ("name", "BYTES", (2,)),
        ]
        assert request.parameters["content_type"] == "pd"
    assert json.loads(v1_request(frame).content) == {"instances": [{"age": [1, 2], "name": ["a", "b"]}]}


def test_lists_get_the_datatype_that_the_model_says_and_arrays_keep_theirs() -> None:
    wanted = [TensorSpec("features", "FP32", (-1, 2))]
    (tensor,) = infer_request([[1, 2]], "a", wanted=wanted).inputs
    assert (tensor.name, tensor.datatype) == ("features", "FP32")
    (tensor,) = infer_request(np.array([[1.0, 2.0]]), "a", wanted=wanted).inputs
    assert tensor.datatype == "FP64"
    assert needs_specs([1])
    assert not needs_specs({"x": np.ones(1)})


def test_torch_tensors_are_arrays() -> None:
    import torch

    (tensor,) = infer_request(torch.ones(2, 2, requires_grad=True), "a").inputs
    assert (tensor.datatype, tensor.shape) == ("FP32", (2, 2))
    assert tensor_of("x", torch.ones(1, dtype=torch.bfloat16)).datatype == "FP32"


def entry(**changed: object) -> bytes:
    tensor: dict[str, object] = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
    return json.dumps(
        {"inputs": [{key: value for key, value in {**tensor, **changed}.items() if value is not None}]}
    ).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no inputs"),
        (b'{"inputs": 1}', "inputs is no list"),
        (b'{"inputs": [1]}', "a tensor is no JSON object"),
        (entry(name=""), "has no name"),
        (entry(datatype="FP31"), "which is none of BOOL"),
        (entry(shape=None), "no list of lengths"),
        (entry(shape=[-1]), "no list of lengths"),
        (entry(shape=[2**40, 2**40], data=[]), "nothing can hold"),
        (entry(shape=[3]), "has 2 element"),
        (entry(data=None), "has no data"),
        (entry(data=[[1], [2]]), "nested deeper"),
        (entry(shape=[2, 1], data=[[1, 2], [3]]), "different lengths"),
        (entry(data=["1", "2"]), "an element of another type: '1'"),
        (entry(data=[True, False]), "an element of another type: True"),
        (entry(datatype="INT8", data=[1, 128]), "out of its range: 128"),
        (entry(datatype="UINT8", data=[-1, 1]), "out of its range: -1"),
        (entry(datatype="INT32", data=[1.5, 1]), "an element of another type: 1.5"),
        (entry(parameters={"binary_data_size": 8}), "the body has no so many bytes"),
        (json.dumps({"inputs": json.loads(entry())["inputs"] * 2}).encode(), "two inputs have one name: x"),
    ],
)
def test_a_request_that_is_none_is_refused_by_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_request(content, {})


@pytest.mark.parametrize("length", ["x", "1000000", "-1"])
def test_a_wrong_length_of_the_json_is_refused(length: str) -> None:
    with pytest.raises(InvalidInput, match="Inference-Header-Content-Length"):
        read_request(entry(), {"inference-header-content-length": length})


def test_bytes_that_belong_to_no_tensor_are_refused() -> None:
    body = write_request(infer_request(np.ones(2), "a"), binary=True)
    with pytest.raises(InvalidInput, match="belong to no tensor"):
        read_request(body.content + b"x", headers(body))


def test_only_the_outputs_that_are_asked_for_come_as_bytes() -> None:
    answer = InferAnswer("m", (tensor_of("a", np.ones(2)), tensor_of("b", ["x"])), "2", "id")
    for binary in ((), ("a",), None):
        body = write_answer(answer, binary)
        found = read_answer(body.content, headers(body))
        assert [tensor.array().tolist() for tensor in found.outputs] == [[1, 1], ["x"]]
        assert (found.model_name, found.model_version, found.id) == ("m", "2", "id")


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ([[1, 2.5]], {"instances": [[1, 2.5]]}),
        (np.ones((1, 2)), {"instances": [[1, 1]]}),
        ([np.ones(2)], {"instances": [[1, 1]]}),
        ([{"a": 1, "b": "x"}], {"instances": [{"a": 1, "b": "x"}]}),
        (["text"], {"instances": ["text"]}),
        ({"instances": [[1], [2, 3]]}, {"instances": [[1], [2, 3]]}),
        ({"x": np.ones(1)}, {"inputs": {"x": [1]}}),
        ([], {"instances": []}),
    ],
)
def test_protocol_v1_sends_instances(given: object, body: dict[str, object]) -> None:
    assert json.loads(v1_request(given).content) == body


def test_protocol_v1_reads_regular_and_ragged_predictions() -> None:
    def value(predictions: object) -> Any:
        return read_v1_answer(json.dumps({"predictions": predictions}).encode(), "m").value

    assert value([[1, 2]]).tolist() == [[1, 2]]
    assert value([[1], [2, 3]]) == [[1], [2, 3]]
    assert value([{"a": 1}]) == [{"a": 1}]
    with pytest.raises(InvalidInput, match="no predictions"):
        read_v1_answer(b"{}", "m")


def test_a_prediction_is_used_as_its_only_output() -> None:
    from kubeflow.kserve import Prediction

    one = Prediction({"output-0": np.array([[1, 2], [3, 4]])}, "m")
    assert one[0].tolist() == [1, 2]
    assert len(one) == 2
    assert [row.tolist() for row in one] == one.tolist() == [[1, 2], [3, 4]]
    assert np.asarray(one, dtype="float32").dtype == "float32"
    assert one == Prediction({"output-0": np.array([[1, 2], [3, 4]])}, "m")
    with pytest.raises(InvalidInput, match=r"no output 'output-1'. Did you mean 'output-0'"):
        one["output-1"]
    with pytest.raises(InvalidInput, match="2 outputs"):
        _ = Prediction({"a": 1, "b": 2}).value


def test_without_numpy_tensors_are_lists() -> None:
    code = """
import sys
sys.modules["numpy"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numpy" else find(name, *rest)
del sys.modules["numpy"]
from kubeflow.kserve.inference.infer_messages import read_answer, read_request, write_request
from kubeflow.kserve.inference.predict_inputs import infer_request
for binary in (False, True):
    body = write_request(infer_request({"x": [[1.5, 2], [3, 4]], "t": ["a"]}, "a"), binary=binary)
    found = read_request(body.content, {k.lower(): v for k, v in body.headers.items()})
    assert [t.value() for t in found.inputs] == [[[1.5, 2], [3, 4]], ["a"]], found
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
