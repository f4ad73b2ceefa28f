"""How a service of a cluster is reached from here, and predictions by each way."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kubeflow.kserve import KServeClient, NoEndpoint
from kubeflow.kserve.options import DeploymentMode
from tests.kserve.cluster.conftest import MODEL
from tests.kserve.cluster.played_kserve import PlayedKServe
from tests.trainer.kubernetes.edge import Edge, Fault

STANDARD = [DeploymentMode("Standard")]


class ModelServer:
    """A model server on loopback that doubles what it gets, by both protocols. `hosts` are the Host headers that came."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.unready = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
                pass

            def do_GET(self) -> None:
                self._answer(200, {"name": "iris", "platform": "test", "inputs": [], "outputs": []})

            def do_POST(self) -> None:
                outer.hosts.append(self.headers["Host"])
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.unready:
                    outer.unready -= 1
                    self._answer(503, {"error": "Model is not ready"})
                elif self.path == "/v2/models/iris/infer":
                    given = body["inputs"][0]
                    output = {**given, "name": "predict", "data": [2 * value for value in given["data"]]}
                    self._answer(200, {"model_name": "iris", "id": body["id"], "outputs": [output]})
                elif self.path == "/v1/models/iris:predict":
                    self._answer(200, {"predictions": [[2 * value for value in row] for row in body["instances"]]})
                else:
                    self._answer(404, {"error": f"no model at {self.path}"})

            def _answer(self, code: int, body: dict[str, object]) -> None:
                content = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.port = int(self._httpd.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._httpd.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()


@contextmanager
def model_server() -> Generator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(("model_format", "protocol"), [("sklearn", "v2"), ("tensorflow", "v1")])
def test_a_prediction_goes_to_the_address_that_the_control_plane_tells(
    client: KServeClient, kserve: PlayedKServe, model_format: str, protocol: str
) -> None:
    client.serve("iris", model=MODEL, model_format=model_format, options=STANDARD)
    with model_server() as server:
        kserve.deploy("iris", url=server.url)
        server.unready = 1  # as while it scales up: asked again
        with client.endpoint("iris") as endpoint:
            assert (endpoint.url, endpoint.protocol, endpoint.route) == (server.url, protocol, "url")
        prediction = client.predict("iris", [[1.0, 2.0], [3.0, 4.0]], timeout=20)
    assert [list(map(float, row)) for row in prediction] == [[2.0, 4.0], [6.0, 8.0]]


def test_a_gateway_is_told_the_host_of_the_service(
    client: KServeClient, kserve: PlayedKServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris", url="http://iris.ml.example.com")
    with pytest.raises(NoEndpoint, match="known to no name server here"), client.endpoint("iris", route="url"):
        pass
    with model_server() as server:
        monkeypatch.setenv("KUBEFLOW_SERVING_GATEWAY", server.url)
        assert float(client.predict("iris", [[1.5]])[0][0]) == 3.0
        assert server.hosts == ["iris.ml.example.com"]
        monkeypatch.setenv("KUBEFLOW_SERVING_GATEWAY", "10.0.0.7")
        with pytest.raises(NoEndpoint, match="write http://10.0.0.7"):
            client.predict("iris", [[1.5]])


def test_without_a_known_address_a_prediction_goes_through_the_api_server(
    client: KServeClient, kserve: PlayedKServe, edge: Edge
) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris", url="http://iris.ml.example.com")
    with model_server() as server:
        kserve.pod("iris", ready=False, mark=False)
        pod = kserve.pod("iris")
        edge.ports.ports[kserve.namespace, pod, 8080] = server.port
        with client.endpoint("iris") as endpoint:
            assert endpoint.route == "tunnel"
            assert endpoint.url.startswith("http://127.0.0.1:")
        assert float(client.predict("iris", [[1.5]])[0][0]) == 3.0
        assert edge.asked("/portforward")


def test_missing_rights_for_a_tunnel_are_told_with_the_way_round(
    client: KServeClient, kserve: PlayedKServe, edge: Edge
) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris", url="http://iris.ml.example.com")
    kserve.pod("iris")
    edge.faults.append(Fault("/portforward", status=403))
    with pytest.raises(NoEndpoint) as caught:
        client.predict("iris", [[1.5]])
    assert "pods/portforward" in str(caught.value)
    assert "KUBEFLOW_SERVING_GATEWAY" in str(caught.value)


def test_a_service_that_cannot_be_called_says_why(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    for route in ("auto", "url", "cluster", "tunnel"):
        with pytest.raises(NoEndpoint, match="KServe's controller has not looked at it yet"):
            client.predict("iris", [[1.5]], route=route)
    kserve.deploy("iris", replicas=0)
    with pytest.raises(NoEndpoint):
        client.predict("iris", [[1.5]])
    client.stop_service("iris")
    with pytest.raises(NoEndpoint, match=r"client.start_service\('iris'\)"):
        client.predict("iris", [[1.5]], route="tunnel")


def test_within_the_cluster_the_address_is_the_clusters_own(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris", url="http://iris.ml.example.com")
    with client.endpoint("iris", route="cluster") as endpoint:
        assert endpoint.url == f"http://iris-predictor.{kserve.namespace}.svc.cluster.local"
