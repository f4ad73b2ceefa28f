"""What a train function reports about itself arrives, whole and last, and never harms the training."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


class ControlPlane(HTTPServer):
    """Takes reports as Trainer does, and keeps them; `answers` are given first, 200 after them."""

    def __init__(self, answers: list[int], folder: Path, *, tls: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.reports: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.authority = folder / "ca.crt"
        if tls:
            key = folder / "key.pem"
            name = ["-subj", "/CN=trainer", "-addext", "subjectAltName=IP:127.0.0.1"]
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            command += [*name, "-days", "2", "-keyout", str(key), "-out", str(self.authority)]
            subprocess.run(command, check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.authority, key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}/status"


class _Handler(BaseHTTPRequestHandler):
    server: ControlPlane

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer == 200:
            self.server.reports.append(body["trainerStatus"])
            self.server.tokens.append(self.headers["Authorization"])
        self.send_response(answer)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the name that it overrides


@contextmanager
def control_plane(folder: Path, answers: list[int] | None = None, *, tls: bool = False) -> Iterator[ControlPlane]:
    server = ControlPlane(answers or [], folder, tls=tls)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def train(body: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `body` in a process of its own, with `report` for `update_trainjob_status`."""
    code = f"from kubeflow.trainer import update_trainjob_status as report\n{body}"
    path = os.pathsep.join([str(ROOT), str(ROOT / "generated")])
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error", **env}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)


def test_a_local_job_reports_into_its_file(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    body = (
        "assert report(10, 60, {'loss': 0.5, 'phase': 'warm-up'})\n"
        "assert report(metrics={'loss': 0.25})\n"
        "assert report(progress_percent=150, estimated_remaining_seconds=-4)\n"
    )
    train(body, {"KUBEFLOW_STATUS_FILE": str(file)})

    report = json.loads(file.read_text("utf-8"))
    assert report.pop("lastUpdatedTime").endswith("Z")
    assert report == {
        "progressPercentage": 100,
        "estimatedRemainingSeconds": 0,
        "metrics": [{"name": "loss", "value": "0.25"}, {"name": "phase", "value": "warm-up"}],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]  # nothing half-written is left


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_tight_loop_sends_few_reports_and_the_last_one(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    with control_plane(tmp_path, tls=True) as server:
        env = {
            "KUBEFLOW_TRAINER_SERVER_URL": server.url,
            "KUBEFLOW_TRAINER_SERVER_CA_CERT": str(server.authority),
            "KUBEFLOW_TRAINER_SERVER_TOKEN": str(tmp_path / "token"),
        }
        ended = train("for step in range(1, 1001): assert report(step // 10, metrics={'step': step})", env)

        assert ended.stderr == ""
        assert len(server.reports) < 5  # the server answers few requests a second, of all jobs together
        assert server.reports[-1]["progressPercentage"] == 100
        assert server.reports[-1]["metrics"] == [{"name": "step", "value": "1000"}]
        assert set(server.tokens) == {"Bearer secret"}


def test_a_server_that_fails_gets_the_last_report_again_and_training_goes_on(tmp_path: Path) -> None:
    with control_plane(tmp_path, [500, 503]) as server:
        ended = train("assert report(100); print('trained')", {"KUBEFLOW_TRAINER_SERVER_URL": server.url})

        assert ended.stdout == "trained\n"
        assert "could not report" in ended.stderr
        assert [report["progressPercentage"] for report in server.reports] == [100]


@pytest.mark.parametrize(
    ("call", "env"),
    [
        ("report(50)", {}),
        ("report(50)", {"KUBEFLOW_STATUS_FILE": "/does/not/exist/status.json"}),
        ("report('half')", {"KUBEFLOW_STATUS_FILE": "status.json"}),
        ("report(metrics=[1])", {"KUBEFLOW_STATUS_FILE": "status.json"}),
    ],
)
def test_nothing_that_goes_wrong_with_a_report_reaches_the_training(call: str, env: dict[str, str]) -> None:
    assert train(f"print({call})", env).stdout == "False\n"


def test_what_the_server_would_refuse_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    body = "report(metrics={'m' * 100: 'v' * 100, '': 1} | {f'metric-{i}': i for i in range(300)})"
    ended = train(body, {"KUBEFLOW_STATUS_FILE": str(file)})

    metrics = json.loads(file.read_text("utf-8"))["metrics"]
    assert metrics[0] == {"name": "m" * 64, "value": "v" * 64}
    assert len(metrics) == 256
    assert "301 metrics are reported" in ended.stderr
