"""Containers that go while podman looks at them: it answers with internal errors then, whose words say what happened."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from kubeflow.local.executors.containers.container_engine import ContainerEngine
from kubeflow.local.executors.containers.container_node import ContainerNode
from kubeflow.local.executors.containers.engine_errors import EngineRefused
from kubeflow.local.executors.executor import NodeExit
from kubeflow.local.job.container_plan import EnginePlan
from kubeflow.local.job.places import Places
from tests.local.conftest import wait_for

GONE = "container 3f2a does not exist in database: no such container"
ENDED = "cannot remove container 3f2a as it could not be stopped: sending SIGKILL to container 3f2a: container state improper: stopped"  # fmt: skip


class PlayedPodman(socketserver.ThreadingUnixStreamServer):
    """An engine that answers each request, by its method and the end of its path, with the next of its `answers`."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, list[tuple[int, object]]] = {}
        super().__init__(str(folder / "podman.sock"), _Handler)
        self.plan = EnginePlan("podman", f"unix://{folder}/podman.sock")


class _Handler(BaseHTTPRequestHandler):
    server: PlayedPodman

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        words = f"{self.command} {self.path.partition('?')[0].rpartition('/')[2]}"
        status, content = (200, "OK") if words == "GET _ping" else self.server.answers[words].pop(0)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[PlayedPodman]:
    with PlayedPodman(tmp_path) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_container_that_is_removed_while_its_end_is_looked_at_was_removed(
    podman: PlayedPodman, tmp_path: Path
) -> None:
    podman.answers = {"POST wait": [(200, {"StatusCode": 0})], "GET json": [(500, {"message": GONE})]}

    node = ContainerNode("node-0", "3f2a", podman.plan, Places(tmp_path), image="a", memory=None)

    wait_for(lambda: node.poll() is not None)
    assert node.poll() == NodeExit(-9, message="its container was removed")


def test_a_container_that_ends_while_it_is_removed_is_removed(podman: PlayedPodman) -> None:
    with ContainerEngine.of(podman.plan) as engine:
        for answers in ([(500, ENDED), (200, "")], [(500, ENDED), (500, GONE)], [(500, GONE)]):
            podman.answers = {"DELETE 3f2a": [(status, {"message": words}) for status, words in answers]}
            engine.remove("3f2a")
            assert podman.answers == {"DELETE 3f2a": []}

        podman.answers = {"DELETE 3f2a": [(500, {"message": "no room"})]}
        with pytest.raises(EngineRefused, match="no room"):
            engine.remove("3f2a")
