"""What users install is not locked: it resolves at once, weighs little, and works with the oldest and newest versions.

These tests ask a package index. They run where KUBEFLOW_TEST_REGISTRY is set, as .ci/run does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.apiserver import MISSING, apiserver
from tests.bench.installed import measure
from tests.install.checkout import ROOT

pytestmark = [
    pytest.mark.registry,
    pytest.mark.skipif(
        not os.environ.get("KUBEFLOW_TEST_REGISTRY"), reason="asks a registry: set KUBEFLOW_TEST_REGISTRY=1"
    ),
]

DOCUMENT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS: tuple[str, ...] = tuple(DOCUMENT["project"]["optional-dependencies"])
UV = Path(sys.executable).with_name("uv")
TORCH = f"torch=={DOCUMENT['tool']['locks']['torch']}"
BOUND = 500
"""Seconds for one resolution: alone it takes 5 to 100. Backtracking took over 1,000."""
MOST_PACKAGES, MOST_BYTES = 22, 50_000_000


def run(*command: str | Path, timeout: float = 600, cwd: Path = ROOT, **variables: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What users install, built from a copy: builds of several processes in one folder would meet."""
    place = tmp_path_factory.mktemp("sources")
    for name in ("kubeflow", "generated"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    run(UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", place / "dist", place)
    (built,) = (place / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment with the pip that this Python brings: users' are as old."""
    place = tmp_path_factory.mktemp("pip") / "venv"
    run(sys.executable, "-m", "venv", place)
    return place / "bin" / "python"


@pytest.mark.parametrize("extras", ["", "torchtune", ",".join(EXTRAS)], ids=["none", "torchtune", "all"])
def test_pip_resolves_from_nothing_within_the_bound(pip: Path, wheel: Path, tmp_path: Path, extras: str) -> None:
    report, held = tmp_path / "report.json", tmp_path / "held.txt"
    held.write_text(TORCH, "utf-8")
    install = (pip, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", report)
    run(*install, "--constraint", held, f"{wheel}[{extras}]" if extras else wheel, timeout=BOUND)
    assert len(json.loads(report.read_text("utf-8"))["install"]) >= 20


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_can_be_resolved_alone(wheel: Path, tmp_path: Path, extra: str) -> None:
    wanted, held = tmp_path / "wanted.txt", tmp_path / "held.txt"
    wanted.write_text(f"kubeflow[{extra}] @ {wheel.as_uri()}", "utf-8")
    held.write_text(TORCH, "utf-8")
    compiled = run(UV, "pip", "compile", "--quiet", "--no-header", "--constraint", held, wanted, timeout=BOUND)
    assert len([line for line in compiled.splitlines() if not line.lstrip().startswith("#")]) >= 20


def test_what_pip_installs_is_small(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", wheel)

    installed = measure(tmp_path / "venv")

    assert len(installed.packages) <= MOST_PACKAGES, installed.packages
    assert installed.bytes <= MOST_BYTES, installed.largest

    command = tmp_path / "venv" / "bin" / "kubeflow"
    assert "doctor" in run(command, "--help")
    refused = subprocess.run([command, "jobs"], capture_output=True, text=True, check=False, timeout=60)
    assert "pip install 'kubeflow[cli]'" in refused.stderr and "Traceback" not in refused.stderr
    assert refused.returncode == 6  # not supported: docs/cli.md


SMOKE = """
import importlib, pkgutil, sys, tempfile
import kubeflow, kubeflow_api
for package in (kubeflow, kubeflow_api):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__") and not module.name.startswith("kubeflow.cli."):  # it has an extra
            importlib.import_module(module.name)
from kubeflow.trainer import Runtime, RuntimeKind, RuntimeTrainer, TrainerType
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient

def train(greeting: str) -> str:
    print(greeting, "from the job", flush=True)
    return greeting

plain = Runtime("plain", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "plain", "local"), RuntimeKind.CLUSTER_TRAINING_RUNTIME)
trainer = CustomTrainer(func=train, func_args={"greeting": "hello"}, num_nodes=1)
client = TrainerClient(LocalProcessBackendConfig(state_dir=tempfile.mkdtemp()))
job = client.train(plain, trainer=trainer)
client.wait_for_job_status(job, timeout=120)
assert client.get_job_result(job) == "hello"
offline = TrainerClient(KubernetesBackendConfig(offline=True)).train(trainer=trainer, dry_run=True)
assert "kind: TrainJob" in offline.to_yaml()
if len(sys.argv) > 1:
    print(TrainerClient(KubernetesBackendConfig(config_file=sys.argv[1], namespace="default")).list_jobs())
"""


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_oldest_and_the_newest_versions_that_are_allowed_work(wheel: Path, tmp_path: Path, resolution: str) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    wanted, held = tmp_path / "wanted.txt", tmp_path / "held.txt"
    held.write_text(TORCH, "utf-8")
    extras = ("cloudpickle", "huggingface", "s3")
    names = [word for extra in extras for word in ("--extra", extra)]
    run(UV, "pip", "compile", "--quiet", "--resolution", resolution, "--python", sys.executable,
        "--constraint", held, *names, "pyproject.toml", "--output-file", wanted, timeout=BOUND)  # fmt: skip
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(UV, "pip", "install", "--quiet", "--python", python, "--only-binary", ":all:", "-r", wanted)
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)

    (tmp_path / "smoke.py").write_text(SMOKE, "utf-8")
    if MISSING:
        run(python, "-I", "smoke.py", cwd=tmp_path)
    else:
        with apiserver(tmp_path / "server") as server:
            assert run(python, "-I", "smoke.py", str(server.kubeconfig), cwd=tmp_path).endswith("[]\n")
