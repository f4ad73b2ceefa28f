"""The example that goes through all clients: it runs here, and a real API server takes what it would make on a cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.all_kinds import all_kinds, assert_taken
from tests.cluster.wire import Wire

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "lifecycle.py"


def run(folder: Path, *args: str, timeout: float = 400) -> str:
    environ = {**os.environ, "KUBEFLOW_STATE_DIR": str(folder / "state")}
    result = subprocess.run(
        [sys.executable, str(EXAMPLE), *args],
        cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=timeout,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_script_goes_from_data_to_a_prediction_on_this_machine(tmp_path: Path) -> None:
    said = run(tmp_path)

    steps = [match[1] for line in said.splitlines() if (match := re.match(r"\[ *[\d.]+ s\] (\w+)", line))]
    assert steps == ["Data", "Tuned", "Trained", "Registered", "Served", "Predicted"]
    accuracy = re.search(r"accuracy of ([\d.]+) %", said)
    assert accuracy is not None
    assert float(accuracy[1]) > 90
    right = re.search(r"(\d+) of (\d+) right", said)
    assert right is not None
    assert int(right[1]) > 0.9 * int(right[2])
    # The version names the job that made it, by its name and uid.
    job = re.search(r"of job (\S+)", said)
    assert job is not None
    assert (tmp_path / "state" / "jobs" / job[1]).is_dir()


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    text = run(tmp_path_factory.mktemp("shown"), "--backend", "kubernetes", "--dry-run")
    return [document for document in yaml.safe_load_all(text) if document]


def test_the_objects_of_the_same_script_are_shown(objects: list[dict[str, Any]]) -> None:
    code, first, *jobs, last = [each["kind"] for each in objects]
    assert (code, first, set(jobs), last) == ("ConfigMap", "SparkApplication", {"TrainJob"}, "InferenceService")
    assert len(jobs) > 2  # those of trials, and the one that trains
    job, service = objects[-2], objects[-1]
    assert job["spec"]["initializer"]["dataset"]["storageUri"] == "s3://lifecycle/digits"
    assert "claimName: models" in yaml.safe_dump(job)
    assert service["spec"]["predictor"]["model"]["storageUri"] == "pvc://models/digits"
    assert service["spec"]["predictor"]["model"]["modelFormat"]["name"] == "sklearn"


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with all_kinds(tmp_path_factory.mktemp("server")) as found:
        yield found


def test_a_real_api_server_takes_each_object_strictly(wire: Wire, objects: list[dict[str, Any]]) -> None:
    for each in objects:
        assert_taken(wire, each)
