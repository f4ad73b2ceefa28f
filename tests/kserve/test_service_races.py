"""Two things that happen to a service of this machine at once, in the order that is the worst."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from kubeflow.kserve import KServeClient
from kubeflow.kserve.backends.local.server_child import ServerChild
from kubeflow.kserve.server.server_settings import UNUSABLE, ServerSettings
from tests.cluster.until import until
from tests.kserve.service_processes import in_use, keeper_of, supervisor_of

# A server that says why it cannot load its model, and ends, once there is a file.
FAILS = """
import json, os, sys, time
settings = json.load(open(os.environ["KUBEFLOW_SERVING_SETTINGS"]))
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
os.write(settings["ready"], b"failed no weights\\n")
os._exit(int(sys.argv[2]))
"""


class Broken:
    """A model that cannot be loaded, which shows once there is a file."""

    def load(self) -> None:
        while not Path(os.environ["LOAD"]).exists():
            time.sleep(0.02)
        raise FileNotFoundError("no weights.bin")

    def predict(self, x: Any) -> Any:
        return x


def triple(x: Any) -> Any:
    return x * 3


def test_a_server_that_ends_while_its_keeper_looks_has_said_why(tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = [sys.executable, "-c", FAILS, str(go), str(UNUSABLE)]
    with (tmp_path / "socket").open("w") as listening:
        child = ServerChild(1, command, ServerSettings("m"), tmp_path, dict(os.environ), listening.fileno())

    def in_between(_: FrameType, event: str, called: Any) -> None:
        if event == "c_exception" and called is os.read:  # there was nothing to read
            go.touch()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    sys.setprofile(in_between)
    try:
        code = child.poll()
    finally:
        sys.setprofile(None)
    if code is None:
        code = child.poll()
    child.close()
    assert (code, child.words) == (UNUSABLE, "no weights")


def test_a_change_that_comes_while_the_keeper_gives_up_is_served(client: KServeClient, state: Path) -> None:
    load = state.parent / "load"
    client.serve("m", Broken(), env={"LOAD": str(load)})
    until(lambda: any(event.reason == "Loading" for event in client.get_service_events("m")))
    supervisor, keeper = supervisor_of(state), keeper_of(state)
    supervisor.suspend()  # it does not see yet that the keeper ends
    try:
        load.touch()
        until(lambda: keeper not in in_use(state))
        client.update("m", model=triple)
    finally:
        supervisor.resume()

    client.wait_for_service_status("m", timeout=120)
    assert client.predict("m", np.array([1])).tolist() == [3]
