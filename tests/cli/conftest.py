"""Where commands run in tests: this machine, and a cluster whose nodes are processes here. Jobs are shared by tests."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cli import main
from kubeflow.trainer import KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient
from tests import commands
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Scenario
from tests.cluster.stage import MISSING, REASON, namespace, stage
from tests.cluster.trainjobs import API
from tests.commands import Done, environment
from tests.trainer.conformance.conftest import runtime_manifest

CODE = """
import os, time
from typing import Literal

print("a module that prints at its import")

def fit(lr: float, epochs: int = 2, layers: list[int] | None = None, kind: Literal["a", "b"] = "a", fast: bool = False):
    for epoch in range(epochs):
        print(f"epoch {epoch}: loss={lr * (epoch + 1)}", flush=True)
    folder = os.environ.get("KUBEFLOW_OUTPUT")
    if folder:
        open(f"{folder}/model.txt", "w").write("weights")
    return {"lr": lr, "layers": layers, "kind": kind, "fast": fast}

def boom():
    print("about to fail", flush=True)
    raise ValueError("boom")

def doze(seconds: float = 600):
    print("dozing", flush=True)
    time.sleep(seconds)
"""
SCRIPT = 'import os, sys\nprint("arguments", sys.argv[1:], os.environ.get("TEAM"), flush=True)\n'


@dataclass(frozen=True)
class Place:
    """Where commands run: a backend, and a working directory with `digits.py` and `script.py`.

    Attributes:
        backend: Its name.
        folder: The working directory.
        environment: Of the processes.
        runtime: A runtime that starts Python, and no torchrun.
        client: Reaches the same jobs.
    """

    backend: str
    folder: Path
    environment: dict[str, str]
    runtime: str
    client: TrainerClient

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start `kubeflow WORD...` as a process."""
        return commands.start(*words, folder=self.folder, environment={**self.environment, **more})

    def run(self, *words: str, stdin: str = "", **more: str) -> Done:
        """Run `kubeflow WORD...` as a process."""
        return commands.run(*words, folder=self.folder, environment={**self.environment, **more}, stdin=stdin)

    def ok(self, *words: str, stdin: str = "") -> str:
        """Run a command as a process that must succeed, and return what it printed."""
        done = self.run(*words, stdin=stdin)
        assert done.code == 0, done.err
        return done.out

    def call(self, *words: str) -> Done:
        """Run a command in this process, which costs a tenth of another one; not for code that is imported."""
        out, err, before, here = io.StringIO(), io.StringIO(), dict(os.environ), Path.cwd()
        try:
            os.environ.clear()
            os.environ.update(self.environment)
            os.chdir(self.folder)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(words)
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)
        return Done(code, out.getvalue(), err.getvalue())

    def data(self, *words: str) -> Any:
        """Return what a command that must succeed prints as JSON, in this process."""
        done = self.call(*words, "-o", "json")
        assert done.code == 0, done.err
        return json.loads(done.out)


def _files(folder: Path) -> Path:
    folder.mkdir()
    (folder / "digits.py").write_text(CODE)
    (folder / "script.py").write_text(SCRIPT)
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """This machine, with a state directory of the tests."""
    folder = tmp_path_factory.mktemp("local")
    state = str(folder / "state")
    client = TrainerClient(LocalProcessBackendConfig(state_dir=state))
    variables = environment(KUBEFLOW_BACKEND="localprocess", KUBEFLOW_STATE_DIR=state)
    yield Place("localprocess", _files(folder / "work"), variables, "torch-distributed", client)
    for job in client.list_jobs():
        client.delete_job(job)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A real API server with the newest Trainer played on it; its kubeconfig is in `KUBECONFIG`."""
    if MISSING:
        pytest.skip(REASON)
    folder = tmp_path_factory.mktemp("cluster")
    with stage(folder / "server") as running:
        running.controller.default = Scenario(environment={"OMP_NUM_THREADS": "1"})
        running.wire.send("POST", f"{API}/clustertrainingruntimes", runtime_manifest("plain", {}))
        front = Proxy(running.kubeconfig, logs=running.logs)
        kubeconfig = str(front.kubeconfig(folder / "kubeconfig", namespace=namespace(running.wire, "commands")))
        client = TrainerClient(KubernetesBackendConfig(config_file=kubeconfig))
        variables = environment(KUBECONFIG=kubeconfig)
        yield Place("kubernetes", _files(folder / "work"), variables, "plain", client)
        for job in client.list_jobs():
            client.delete_job(job)
        front.stop()


@pytest.fixture(scope="module", params=["local", "cluster"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def complete(place: Place) -> str:
    """A job that has ended well, made by a command that waited for it."""
    arguments = ("--arg", "lr=0.1", "--arg", "layers=[8, 4]", "--arg", "fast", "--runtime", place.runtime)
    done = place.run("train", "digits:fit", *arguments, "--name", "fit-digits", "--wait")
    assert done.code == 0, done.err
    assert done.out == "fit-digits\n"  # the name alone: what the module prints goes to stderr
    assert "a module that prints" in done.err
    assert "fit-digits Complete\n" in done.err
    return "fit-digits"


@pytest.fixture(scope="module")
def failed(place: Place) -> str:
    """A job that has failed, made by a command that followed it."""
    done = place.run("train", "digits.py:boom", "--runtime", place.runtime, "--name", "fails", "--follow")
    assert done.code == 1
    assert "about to fail\n" in done.out
    assert "error: TrainJob fails failed: " in done.err
    assert "ValueError: boom" in done.err
    return "fails"
