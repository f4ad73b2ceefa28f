"""The official `kserve` package as the other side: its client asks our server, and our client asks its server.

It wants an older pandas than ours, so that it has an environment of its own, which is installed once, in one to some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kubeflow.kserve import Endpoint, KServeClient, PredictionFailed
from kubeflow.kserve.inference.inference_client import infer
from kubeflow.local.executors.ports import ReservedPort
from tests.kserve.conftest import FEATURES
from tests.kserve.tripling import triple
from tests.locked_environment import locked_python

pytestmark = [
    pytest.mark.registry,
    pytest.mark.skipif(
        not os.environ.get("KUBEFLOW_TEST_REGISTRY"), reason="asks a registry: set KUBEFLOW_TEST_REGISTRY=1"
    ),
]


CLIENT = """
import asyncio, json, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

url = sys.argv[1]
features = np.array(json.loads(sys.argv[2]), dtype="float32")


async def main():
    v2, v1 = InferenceRESTClient(RESTConfig(protocol="v2", retries=0)), InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
    assert await v2.is_server_live(url) and await v2.is_server_ready(url) and await v2.is_model_ready(url, "m")
    assert await v1.is_model_ready(url, "m")
    found = []
    for binary in (False, True):
        tensor = InferInput("input-0", list(features.shape), "FP32")
        tensor.set_data_from_numpy(features, binary_data=binary)
        request = InferRequest("m", [tensor], request_id="a1", parameters={"binary_data_output": binary})
        answer = await v2.infer(url, request, model_name="m")
        assert answer.id == "a1", answer
        found.append(answer.outputs[0].as_numpy().tolist())
    answer = await v1.infer(url, {"instances": features.tolist()}, model_name="m")
    found.append(answer["predictions"])
    refused = []
    for shape, data, model in (([3], [1, 2], "m"), ([1], [1], "n")):
        try:
            tensor = InferInput("input-0", shape, "FP32", data=data)
            await v2.infer(url, InferRequest(model, [tensor], request_id="a"), model_name=model)
        except Exception as error:
            refused.append(error.response.status_code)
    print(json.dumps([found, refused]))


asyncio.run(main())
"""

SERVER = """
import sys
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class Triple(Model):
    def __init__(self):
        super().__init__("m")
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        return get_predict_response(payload, get_predict_input(payload) * 3, "m")


ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Triple()])
"""


@pytest.fixture(scope="module")
def kserve_python() -> Path:
    """Return an interpreter with the official package."""
    return locked_python("kserve")


def test_the_official_client_gets_right_answers_of_a_service_here(kserve_python: Path, client: KServeClient) -> None:
    client.serve("m", triple)
    client.wait_for_service_status("m", timeout=120)
    with client.endpoint("m") as endpoint:
        command = [str(kserve_python), "-c", CLIENT, endpoint.url, json.dumps(FEATURES.tolist())]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert told.returncode == 0, told.stderr
    found, refused = json.loads(told.stdout.splitlines()[-1])
    for answer in found:
        np.testing.assert_allclose(np.asarray(answer).reshape(FEATURES.shape), FEATURES * 3, rtol=1e-6)
    assert refused == [400, 404]


@pytest.fixture(scope="module")
def official_server(kserve_python: Path) -> Iterator[str]:
    with (
        ReservedPort() as port,
        subprocess.Popen(
            [str(kserve_python), "-c", SERVER, str(port.number)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process,
    ):
        yield f"http://127.0.0.1:{port.number}"
        process.terminate()


def test_our_client_gets_right_answers_of_the_official_server(official_server: str) -> None:
    place = Endpoint("m", official_server, "m")
    np.testing.assert_allclose(np.asarray(infer(place, FEATURES, timeout=200)), FEATURES * 3)  # waits until it is there
    for given in (FEATURES, FEATURES.tolist()):
        np.testing.assert_allclose(np.asarray(infer(place, given)), FEATURES * 3, rtol=1e-6)
        found = infer(Endpoint("m", official_server, "m", "v1"), given)
        np.testing.assert_allclose(np.asarray(found), FEATURES * 3, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(infer(place, FEATURES, binary=True)), FEATURES * 3)
    with pytest.raises(PredictionFailed, match="HTTP 404"):
        infer(Endpoint("m", official_server, "n"), FEATURES)
    with ThreadPoolExecutor(30) as pool:
        found_all = list(pool.map(lambda number: infer(place, {"x": np.array([number])}).tolist(), range(30)))
    assert found_all == [[3 * number] for number in range(30)]
