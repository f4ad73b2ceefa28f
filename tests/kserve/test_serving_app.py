"""The model server, asked over HTTP in the process of the test: answers of each format, and codes of what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import urllib3

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve import Endpoint, ModelRejected, PredictionFailed
from kubeflow.kserve.inference.inference_client import infer, input_specs, is_ready
from kubeflow.kserve.server.function_models import FunctionModel
from kubeflow.kserve.server.loaded_models import LoadedModel
from kubeflow.kserve.server.model_files import find_model_file
from kubeflow.kserve.server.model_loading import load_model
from kubeflow.kserve.server.serving_app import ServingApp
from tests.kserve.conftest import FEATURES


@contextmanager
def serving(app: ServingApp) -> Iterator[str]:
    """Serve `app` on a loopback port of this process."""
    import socket

    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app.asgi(), log_config=None, lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def app_of(model: object, **settings: Any) -> ServingApp:
    app = ServingApp("m", **settings)
    app.model = cast("LoadedModel", model) if hasattr(model, "platform") else FunctionModel(model)
    return app


@contextmanager
def endpoint(model: object, protocol: str = "v2", **settings: Any) -> Iterator[Endpoint]:
    with serving(app_of(model, **settings)) as url:
        yield Endpoint("m", url, "m", protocol)  # type: ignore[arg-type]


def get(url: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
    answer = urllib3.request(method, url, retries=False, **more)
    return answer.status, answer.json() if answer.headers[
        "content-type"
    ] == "application/json" else answer.data.decode()


def expected(place: Path, name: str) -> Any:
    if name == "sklearn":
        import joblib

        return joblib.load(place / "sklearn" / "model.joblib").predict(FEATURES)
    if name == "xgboost":
        import xgboost

        return xgboost.Booster(model_file=str(place / "xgboost" / "model.ubj")).predict(xgboost.DMatrix(FEATURES))
    if name == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_file=str(place / "lightgbm" / "model.bst")).predict(FEATURES)
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(place / "pytorch" / "model.pt"))
    return module(torch.from_numpy(FEATURES)).detach().numpy()


@pytest.mark.parametrize("name", ["sklearn", "xgboost", "lightgbm", "pytorch"])
def test_models_of_each_format_answer_as_their_library_does(models: Path, name: str) -> None:
    file = find_model_file(models / name, name if name == "lightgbm" else None)
    assert file.format == name
    model = load_model(file)
    wanted = expected(models, name)
    with serving(app_of(model)) as url:
        for protocol in ("v2", "v1"):
            for given in (FEATURES, FEATURES.tolist()):
                found = infer(Endpoint("m", url, "m", protocol), given)
                np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5)
        found = infer(Endpoint("m", url, "m"), FEATURES, binary=True)
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5)
        with pytest.raises(PredictionFailed, match=r"HTTP 400.*(takes 2 feature|does not take it)"):
            infer(Endpoint("m", url, "m"), FEATURES[:, :1])
        with pytest.raises(PredictionFailed, match=r"HTTP 400"):
            infer(Endpoint("m", url, "m"), [["a", "b"]])


def test_onnx_tells_its_tensors_and_keeps_to_them(models: Path) -> None:
    with endpoint(load_model(find_model_file(models / "onnx", None))) as place:
        (spec,) = input_specs(place)
        assert (spec.name, spec.datatype, spec.shape) == ("X", "FP32", (-1, 2))
        found = infer(place, FEATURES.tolist())
        assert sorted(found.outputs) == ["label", "probabilities"]
        np.testing.assert_array_equal(found["label"], [0, 1, 0, 1])
        assert infer(place, FEATURES, outputs=["label"]).tolist() == [0, 1, 0, 1]
        by_row = infer(Endpoint("m", place.url, "m", "v1"), FEATURES)
        assert [row["label"] for row in by_row.value] == [0, 1, 0, 1]
        for given, words in (
            (FEATURES.astype("float64"), "'X' is FP64, and the model takes FP32: convert it, .astype\\('float32'\\)"),
            (FEATURES[:, :1], r"has shape \[4, 1\], and the model takes \[-1, 2\]"),
            ({"Y": FEATURES}, "takes 'X': 'X' missing; 'Y' unknown"),
        ):
            with pytest.raises(PredictionFailed, match=f"HTTP 400.*{words}"):
                infer(place, given)
        with pytest.raises(PredictionFailed, match="HTTP 400.*asks for output 'lable'"):
            infer(place, FEATURES, outputs=["lable"])


def test_the_paths_of_both_protocols_say_what_there_is() -> None:
    with endpoint(lambda x: x, version="3") as place:
        url = place.url
        assert get(f"{url}/v2")[1]["extensions"] == ["binary_tensor_data"]
        for path in (
            "/v2/health/live",
            "/v2/health/ready",
            "/v2/models/m/ready",
            "/v2/models/m/versions/3/ready",
            "/v1/models/m",
            "/",
        ):
            assert get(url + path)[0] == 200, path
        assert get(f"{url}/v2/models/m") == get(f"{url}/v2/models/m/versions/3")
        assert get(f"{url}/v2/models/m")[1] == {
            "name": "m",
            "versions": ["3"],
            "platform": "python",
            "inputs": [],
            "outputs": [],
        }
        assert get(f"{url}/v1/models")[1] == get(f"{url}/v2/models")[1] == {"models": ["m"]}
        assert infer(place, [1]).model_version == "3"
        assert get(f"{url}/v2/models/n") == (404, {"error": "there is no model 'n' here, but 'm'"})
        assert get(f"{url}/v2/models/m/versions/4")[0] == 404
        assert get(f"{url}/v2/models/n/infer", "POST", body=b"{}")[0] == 404
        assert get(f"{url}/v1/models/n:predict", "POST", body=b"{}")[0] == 404
        assert get(f"{url}/nothing") == (
            404,
            {"error": "there is no path '/nothing': see /v2, /v2/models, /v1/models, /metrics"},
        )
        assert get(f"{url}/v2/models/m/infer")[0] == 405
        assert get(f"{url}/v2/models/m/infer", "POST", body=b"{") == (
            400,
            {"error": "it is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
        )
        assert get(f"{url}/v1/models/m:predict", "POST", body=b"{}")[0] == 400
        assert get(f"{url}/v1/models/m:predict", "POST", body=b'{"instances": [[1], [2, 3]]}')[0] == 400
        assert get(f"{url}/v1/models/m:predict", "POST", body=b"x", headers={"Content-Encoding": "gzip"})[0] == 415


def test_metrics_count_answers_by_code_and_calls_by_time() -> None:
    with endpoint(lambda x: x) as place:
        infer(place, [1])
        with pytest.raises(PredictionFailed):
            infer(Endpoint("m", place.url, "n"), [1])
        code, text = get(f"{place.url}/metrics")
    assert code == 200
    assert 'kubeflow_serving_requests_total{model_name="m",protocol="v2",code="200"} 1' in text
    assert 'kubeflow_serving_requests_total{model_name="m",protocol="v2",code="404"} 1' in text
    assert 'request_predict_seconds_count{model_name="m"} 1' in text
    assert 'request_predict_seconds_bucket{model_name="m",le="+Inf"} 1' in text


def test_a_body_beyond_the_limit_is_refused_and_the_next_request_is_answered() -> None:
    with endpoint(lambda x: x.sum(), body_limit=10_000) as place:
        with pytest.raises(PredictionFailed, match=r"HTTP 413.*more than 10,000 bytes.*fewer rows"):
            infer(place, np.zeros(5_000))
        for rows in (1_000_000, 50_000, 3):  # far more than sockets hold, and what comes after it
            with pytest.raises(PredictionFailed, match=r"HTTP 413") if rows > 3 else contextlib.nullcontext():
                assert infer(place, np.ones(rows)).value == rows

        def pieces() -> Iterator[bytes]:
            yield from [b"x" * 1_000] * 20

        answer = urllib3.PoolManager().request(
            "POST", f"{place.url}/v1/models/m:predict", body=pieces(), chunked=True, retries=False
        )
        assert answer.status == 413
        assert infer(place, [1, 2]).value == 3


def test_a_server_without_its_model_says_later() -> None:
    app = ServingApp("m")
    with serving(app) as url:
        assert get(f"{url}/v2/health/live")[0] == 200
        assert get(f"{url}/v2/health/ready") == (503, {"error": "model 'm' is being loaded"})
        assert not is_ready(Endpoint("m", url, "m"))

        def load() -> None:
            time.sleep(0.3)
            app.model = FunctionModel(lambda x: x + 1)

        thread = threading.Thread(target=load)
        thread.start()
        assert infer(Endpoint("m", url, "m"), [1]).tolist() == [2]
        thread.join()
        app.ending = True
        assert get(f"{url}/v2/health/ready") == (503, {"error": "the server ends"})


class Counter:
    """Loads once, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.at_once = 0

    def load(self) -> None:
        self.weight = 10

    def predict(self, x: Any) -> Any:
        self.at_once += 1
        assert self.at_once == 1, "two threads at a time"
        time.sleep(0.001)
        self.at_once -= 1
        self.calls += 1
        return x * self.weight


def test_a_hundred_requests_at_once_are_all_answered_one_after_the_other() -> None:
    model = FunctionModel(Counter)
    with endpoint(model) as place, ThreadPoolExecutor(100) as pool:
        found = list(pool.map(lambda number: infer(place, {"x": np.array([number])}).tolist(), range(100)))
    assert found == [[10 * number] for number in range(100)]


def meeting(guests: int) -> Callable[..., Any]:
    """Return a function that returns to nobody before all guests are there."""
    arrived: list[object] = []
    complete = asyncio.Event()

    async def meet(x: Any) -> Any:
        arrived.append(x)
        if len(arrived) == guests:
            complete.set()
        await complete.wait()
        return x

    return meet


def test_async_functions_answer_side_by_side() -> None:
    with endpoint(meeting(20)) as place, ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda number: infer(place, {"x": np.array([number])}).tolist(), range(20)))
    assert found == [[number] for number in range(20)]


def two(a: Any, b: Any, scale: float = 1) -> dict[str, Any]:
    return {"sum": (a + b) * scale, "rows": len(a)}


def frame(x: "pd.DataFrame") -> Any:  # type: ignore[name-defined]  # noqa: F821, UP037
    return x.assign(c=x.a + 1)


def lists(rows: list[list[float]]) -> list[float]:
    return [sum(row) for row in rows]


def refuses(x: Any) -> Any:
    raise InvalidInput(f"no more than 2 rows, not {len(x)}")


def breaks(x: Any) -> Any:
    return x / undefined  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "given", "outputs"),
    [
        (two, {"a": [1.0], "b": [2.0]}, {"sum": [3.0], "rows": 1}),
        (two, {"a": [1.0], "b": [2.0], "scale": 2.0}, {"sum": [6.0], "rows": 1}),
        (frame, [{"a": 1, "b": "x"}], {"a": [1], "b": ["x"], "c": [2]}),
        (lists, [[1.0, 2.0]], {"output-0": [3.0]}),
        (lambda x: 7, [1], {"output-0": 7}),
        (lambda x: ["ä"], [1], {"output-0": ["ä"]}),
        (lambda x: (x, x + 1), [1], {"output-0": [1], "output-1": [2]}),
        (lambda tensors: {"n": len(tensors)}, {"a": [1], "b": [2]}, {"n": 2}),
    ],
)
def test_functions_get_what_their_parameters_say(
    function: Callable[..., Any], given: Any, outputs: dict[str, Any]
) -> None:
    with endpoint(function) as place:
        found = infer(place, given)
    assert {name: np.asarray(value).tolist() for name, value in found.outputs.items()} == outputs


@pytest.mark.parametrize(
    ("function", "given", "words"),
    [
        (two, {"a": [1]}, r"HTTP 400.*tensors called 'a', 'b', 'scale': 'b' missing"),
        (two, {"a": [1], "b": [1], "c": [1]}, r"HTTP 400.*'c' unknown"),
        (refuses, [1, 2, 3], r"HTTP 400.*no more than 2 rows, not 3"),
        (breaks, [1], r"HTTP 500.*model 'm' failed: NameError: name 'undefined'"),
        (lambda x: None, [1], r"HTTP 500.*the model returned what cannot be sent: output is None"),
        (lambda x: {"a": object()}, [1], r"HTTP 500.*output 'a' is a object"),
        (lambda x: [float("inf")], [1], r"HTTP 500.*infinite number"),
    ],
)
def test_what_a_function_cannot_do_has_its_code(function: Callable[..., Any], given: Any, words: str) -> None:
    with endpoint(function) as place, pytest.raises(PredictionFailed, match=words):
        infer(place, given)


def test_protocol_v1_sends_what_v2_cannot() -> None:
    with endpoint(lambda x: [{"class": "a", "top": [1, 2]}], "v1") as place:
        assert infer(place, [[1]]).value == [{"class": "a", "top": [1, 2]}]


def test_a_function_without_parameters_is_refused() -> None:
    with pytest.raises(InvalidInput, match="takes no arguments"):
        FunctionModel(lambda: 1)
    with pytest.raises(InvalidInput, match="neither predict"):
        FunctionModel(object)


@pytest.mark.parametrize(
    ("files", "model_format", "words"),
    [
        ((), None, "has no file with"),
        (("readme.md",), "sklearn", r"has no file with .joblib, .pickle, .pkl, but readme.md"),
        (("a.pkl", "b.joblib"), "sklearn", r"has 2 model files \(a.pkl, b.joblib\)"),
        (("a.onnx", "b.pt"), None, r"has 2 model files \(a.onnx, b.pt\)"),
        (("model.bst",), None, r"may be of format 'xgboost' or 'lightgbm'. Give model_format='xgboost'"),
        (("model.txt",), "lightgbm", "has no file with .bst"),
        (("model.pb",), "tensorflow", "no server of this machine loads format 'tensorflow'"),
        (("m/1/model.onnx", "n/1/model.onnx"), None, "a repository of 2 models"),
    ],
)
def test_no_model_and_several_are_refused_by_name(
    tmp_path: Path, files: tuple[str, ...], model_format: str | None, words: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ModelRejected, match=words):
        find_model_file(tmp_path, model_format)


def test_the_highest_version_of_a_triton_repository_is_the_model(tmp_path: Path) -> None:
    for version in ("1", "2", "10"):
        (tmp_path / "m" / version).mkdir(parents=True)
        (tmp_path / "m" / version / "model.onnx").touch()
    assert find_model_file(tmp_path, "onnx").version == "10"
    assert find_model_file(tmp_path / "m", None).path.parent.name == "10"


def test_files_are_models_by_their_extension_only(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").touch()
    with pytest.raises(ModelRejected, match="does not tell its format"):
        find_model_file(tmp_path / "weights.bin", None)
    with pytest.raises(ModelRejected, match="none of the extensions.*'onnx'"):
        find_model_file(tmp_path / "weights.bin", "onnx")
    with pytest.raises(ModelRejected, match="no such file"):
        find_model_file(tmp_path / "nothing", None)


def test_text_that_is_no_torchscript_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text(json.dumps({}))
    with pytest.raises(InvalidInput, match="is no TorchScript"):
        load_model(find_model_file(tmp_path, None))
