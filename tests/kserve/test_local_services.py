"""Services on this machine: supervised processes that are found again, started anew, changed, stopped and deleted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve import (
    KServeClient,
    ModelRejected,
    NoEndpoint,
    PredictionFailed,
    Service,
    ServiceExists,
    ServiceFailed,
    ServiceNotFound,
)
from kubeflow.trainer import KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient
from kubeflow.trainer.errors import Unsupported
from tests.cluster.until import until
from tests.kserve.service_processes import in_use, keeper_of, supervisor_of
from tests.local.conftest import has_ended

WEIGHT = 3


class Slow:
    """A model that takes its time, and says which process it is in."""

    def load(self) -> None:
        self.pid = os.getpid()

    def predict(self, x: Any) -> Any:
        time.sleep(0.05)
        return {"value": x * WEIGHT, "pid": self.pid}


def triple(x: Any) -> Any:
    return x * WEIGHT


class Negative:
    """A model that is loaded once there is a file."""

    def load(self) -> None:
        while not Path(os.environ["LOAD"]).exists():
            time.sleep(0.02)

    def predict(self, x: Any) -> Any:
        return -x


class Broken:
    def load(self) -> None:
        raise FileNotFoundError("no weights.bin")

    def predict(self, x: Any) -> Any:
        return x


def ready(client: KServeClient, name: str) -> Service:
    return client.wait_for_service_status(name, timeout=120)


def test_a_function_is_served_found_by_others_changed_and_deleted(
    client: KServeClient, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.serve("m", triple, env={"COLOUR": "red"}) == "m"
    client.wait_for_service_status("m", timeout=120, progress=True)
    shown = capsys.readouterr().err.splitlines()
    assert shown[-1].startswith("✓ m Ready")
    service = ready(client, "m")
    assert (service.status, service.protocol, service.model) == ("Ready", "v2", "function triple")
    assert client.predict("m", np.array([1, 2])).tolist() == [3, 6]
    with client.endpoint("m") as endpoint:
        port = endpoint.url
    with pytest.raises(ServiceExists):
        client.serve("m", triple)

    # Another process sees the same service, and changes it.
    code = (
        "import sys; from kubeflow.kserve import KServeClient; from kubeflow.trainer import LocalProcessBackendConfig\n"
        "client = KServeClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))\n"
        "print(client.predict('m', [5]).tolist(), [each.name for each in client.list_services()])"
    )
    told = subprocess.run([sys.executable, "-c", code, str(state)], capture_output=True, text=True, check=True)
    assert told.stdout == "[15] ['m']\n"

    # A new model: no request fails while one takes the other's place.
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            answers.append(client.predict("m", np.array([1])).tolist()[0])  # type: ignore[arg-type]

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    client.update("m", model=Negative(), env={"LOAD": str(tmp_path / "load")})
    assert client.get_service("m").status == "Updating"
    with pytest.raises(InvalidInput, match="Updating"):
        client.promote("m")
    until(lambda: 3 in answers)
    (tmp_path / "load").touch()
    ready(client, "m")
    until(lambda: -1 in answers)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {3, -1}
    client.promote("m")
    with client.endpoint("m") as endpoint:
        assert endpoint.url == port

    # One that cannot be loaded does not take its place.
    client.update("m", model=Broken())
    degraded = client.wait_for_service_status("m", "Degraded", timeout=120)
    assert "no weights.bin" in degraded.reason
    assert client.predict("m", np.array([1])).tolist() == [-1]
    with pytest.raises(ServiceFailed, match="no weights.bin"):
        client.wait_for_service_status("m")
    client.rollback("m")
    assert ready(client, "m").model == "function Negative"

    client.stop_service("m")
    client.stop_service("m")
    assert client.get_service("m").status == "Stopped"
    until(lambda: not in_use(state))  # the supervisor, whose work is done, may still be ending
    with pytest.raises(NoEndpoint, match="is Stopped"):
        client.predict("m", [1])
    client.start_service("m")
    ready(client, "m")
    with client.endpoint("m") as endpoint:
        assert endpoint.url == port
    reasons = [event.reason for event in client.get_service_events("m")]
    assert [reason for reason in reasons if reason in ("Updated", "RevisionFailed", "RolledBack", "Suspended", "Resumed")] == [
        "Updated", "Updated", "RevisionFailed", "RolledBack", "Suspended", "Resumed",
    ]  # fmt: skip
    assert any("FileNotFoundError" in line for line in client.get_service_logs("m"))
    client.delete_service("m")
    until(lambda: not in_use(state))  # the supervisor, whose work is done, may still be ending
    with pytest.raises(ServiceNotFound):
        client.get_service("m")


def test_a_dry_run_shows_what_a_cluster_gets(client: KServeClient) -> None:
    there = KServeClient(KubernetesBackendConfig(offline=True))
    given: list[dict[str, Any]] = [
        {"model": triple, "packages_to_install": ["scipy>=1"]},
        {"model": "s3://models/iris/1", "model_format": "tensorflow", "resources": {"gpu": 1}},
    ]
    for arguments in given:
        shown = client.serve("m", **arguments, dry_run=True)
        assert shown.spec == there.serve("m", **arguments, dry_run=True).spec
    assert client.list_services() == []
    with pytest.raises(Unsupported, match="server_dry_run="):
        client.serve("m", triple, server_dry_run=True)


def test_a_killed_server_loses_no_request(client: KServeClient) -> None:
    client.serve("m", Slow())
    ready(client, "m")
    first = int(client.predict("m", np.array([0]))["pid"])
    found: dict[int, Any] = {}

    def ask(number: int) -> None:
        found[number] = client.predict("m", np.array([number]), timeout=120)["value"].tolist()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    os.kill(first, signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert found == {number: [WEIGHT * number] for number in range(30)}
    assert int(client.predict("m", np.array([0]))["pid"]) != first
    service = ready(client, "m")
    assert service.notes == ["restarted 1 time(s)"]
    (died,) = [event for event in client.get_service_events("m") if event.reason == "ServerDied"]
    assert re.fullmatch(r"its server \(process \d+\) was killed by SIGKILL; started anew \(restart 1\)", died.message)
    assert "started anew 1 time(s)" in client.explain("m")


def test_a_server_that_hangs_is_started_anew(client: KServeClient) -> None:
    client.serve("m", Slow(), env={"KUBEFLOW_SERVING_LIVENESS": "1.0"})
    ready(client, "m")
    first = int(client.predict("m", np.array([0]))["pid"])
    hung_server = psutil.Process(first)
    hung_server.suspend()
    answer = client.predict("m", np.array([2]), timeout=120)
    assert answer["value"].tolist() == [2 * WEIGHT]
    assert int(answer["pid"]) != first
    assert re.fullmatch(r"restarted \d time\(s\)", ready(client, "m").notes[0])
    hung = next(event for event in client.get_service_events("m") if event.reason == "ServerHung")
    assert re.fullmatch(
        r"its server \(process \d+\) did not answer /v2/health/live 3 times in a row \(within 1 s each\) and was killed; "
        r"started anew \(restart 1\)",
        hung.message,
    )
    until(lambda: has_ended(hung_server))
    with pytest.raises(InvalidInput, match="KUBEFLOW_SERVING_LIVENESS is 'soon'"):
        client.update("m", env={"KUBEFLOW_SERVING_LIVENESS": "soon"})


def test_killed_keepers_and_supervisors_are_told_and_recovered(client: KServeClient, state: Path) -> None:
    client.serve("m", triple)
    ready(client, "m")
    with client.endpoint("m") as endpoint:
        url = endpoint.url
    keeper = keeper_of(state)
    keeper.kill()
    keeper.wait()
    assert client.predict("m", np.array([2]), timeout=60).tolist() == [6]
    ready(client, "m")

    supervisor = supervisor_of(state)
    supervisor.kill()
    until(lambda: has_ended(supervisor))
    assert client.predict("m", np.array([2]), timeout=60).tolist() == [6]  # the client has looked, and started it anew
    assert ready(client, "m").url == url
    events = {event.reason: event.message for event in client.get_service_events("m")}
    assert str(supervisor.pid) in events["SupervisorKilled"]
    assert "was killed" in events["Revived"]


def test_a_model_that_cannot_be_loaded_fails_and_another_takes_its_place(client: KServeClient, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    client.serve("m", tmp_path / "model.onnx")
    with pytest.raises(ServiceFailed, match="INVALID_PROTOBUF") as caught:
        client.wait_for_service_status("m", timeout=120)
    assert caught.value.log
    assert client.get_service("m").status == "Failed"
    with pytest.raises(NoEndpoint, match="is Failed"):
        client.predict("m", [1])
    client.update("m", model=triple)
    ready(client, "m")
    assert client.predict("m", np.array([1])).tolist() == [3]


def test_a_model_file_is_served_and_its_requests_checked(client: KServeClient, models: Path) -> None:
    client.serve("iris", (models / "onnx").as_uri())
    service = ready(client, "iris")
    assert service.model_format == "onnx"
    assert client.predict("iris", [[5.1, 3.5]])["label"].tolist() == [0]
    with pytest.raises(PredictionFailed, match="HTTP 400"):
        client.predict("iris", [[1.0]])


def write_pickle() -> None:
    import pickle

    (Path(os.environ["KUBEFLOW_OUTPUT"]) / "model.pkl").write_bytes(pickle.dumps({"weights": 1}))


def test_a_pickle_is_loaded_only_if_a_job_made_it_or_its_user_says_so(
    client: KServeClient, state: Path, models: Path
) -> None:
    with pytest.raises(ModelRejected, match=r"is a pickle, loading it executes code.*trust_pickle=True"):
        client.serve("m", models / "sklearn")
    with pytest.raises(ModelRejected, match=r"are pickles.*trust_pickle=True"):
        client.serve("m", "s3://bucket/model", model_format="sklearn")
    assert client.list_services() == []

    trainer = TrainerClient(LocalProcessBackendConfig(state_dir=state))
    from kubeflow.trainer import CustomTrainer

    job = trainer.train(trainer=CustomTrainer(func=write_pickle, num_nodes=1))
    trainer.wait_for_job_status(job)
    client.serve("m", trainer.get_job_output(job))  # trusted; and then it is found to be no estimator
    with pytest.raises(ServiceFailed, match=r"holds a dict, which has no predict\(\)"):
        client.wait_for_service_status("m", timeout=120)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"model": "gs://bucket/model", "model_format": "onnx"}, InvalidInput, "take paths, file://, s3:// and hf://"),
        ({"model": "/nothing/there.onnx"}, ModelRejected, "no such file or folder"),
        (
            {"model": "/", "model_format": "tensorflow"},
            ModelRejected,
            "no server of this machine loads format 'tensorflow'",
        ),
        (
            {"model": "s3://b/m", "model_format": "triton"},
            ModelRejected,
            "no server of this machine loads format 'triton'",
        ),
        ({"model": triple, "resources": {"gpu": 1}}, Unsupported, "predict on CPUs"),
        ({"model": triple, "image": "python:3.12"}, Unsupported, "image= is for a cluster"),
    ],
)
def test_what_cannot_run_here_is_refused_before_anything_starts(
    client: KServeClient, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.serve("m", **arguments)
    assert client.list_services() == []


def test_what_only_a_cluster_has_is_refused_by_what_works_instead(client: KServeClient) -> None:
    client.serve("m", triple, min_replicas=0)
    with pytest.raises(Unsupported, match="canary_percent=10"):
        client.update("m", model=Negative(), canary_percent=10)
    with pytest.raises(Unsupported, match="resources="):
        client.update("m", resources={"cpu": 2})
    with pytest.raises(NoEndpoint, match="route='tunnel'"):
        client.predict("m", [1], route="tunnel")
    with pytest.raises(InvalidInput, match="no revision before 1"):
        client.rollback("m")
    with pytest.raises(InvalidInput, match="no replica 'x'"):
        client.get_service_logs("m", replica="x")
    with pytest.raises(ServiceNotFound, match="There are: m"):
        client.get_service("n")
    assert any("min_replicas=0" in event.message for event in client.get_service_events("m"))
    with pytest.raises(Unsupported, match="services run in the interpreter"):
        KServeClient(LocalProcessBackendConfig(python="3.12"))
