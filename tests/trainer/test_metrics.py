"""Every metric that a job gave is there, in order and once, however it was given."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubeflow.packaging import bundle, hyperparameter_env
from kubeflow.packaging.remote.reports import metrics_of, report
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
from kubeflow.trainer.jobs.metric_history import printed_metrics
from tests.trainer.reporting_functions import give_metrics, report_and_return, returned_alone

WAIT = 180


def test_every_value_of_every_source_is_kept_in_order(local_config: LocalProcessBackendConfig) -> None:
    client = TrainerClient(local_config)
    name = client.train(train_func=give_metrics)
    client.wait_for_job_status(name, timeout=WAIT)

    history = client.get_job_metrics(name)

    losses = history.of("loss")
    assert [(point.step, point.value) for point in losses[:-1]] == [(step, 1 / (step + 1)) for step in range(50)]
    assert {point.source for point in losses[:-1]} == {"reported"}
    assert (losses[-1].source, history.latest("loss")) == ("returned", 0.01)
    (diverged,) = history.of("eval/loss")
    assert (diverged.step, diverged.finite) == (50, False)
    assert [
        (point.name, point.value, point.source) for point in history if point.source not in ("reported", "returned")
    ] == [
        ("speed", 7.0, "status"),
        ("val_acc", 0.25, "printed"),
        ("f1", 0.3, "printed"),
    ]
    assert history.names == ["loss", "eval/loss", "speed", "val_acc", "f1"]
    assert history.latest("nothing") is None
    assert client.get_job(name).metrics["loss"] == 1 / 50


def test_printed_metrics_of_any_name() -> None:
    lines = ["2026-01-02T03:04:05.5Z eval/loss=0.5 loss = .5e-1", "12:30:45 Loss: NaN acc (top 5)=0.75 loss=-inf;"]

    every = [(point.name, point.value) for point in printed_metrics(lines)]
    assert every[:3] == [("eval/loss", 0.5), ("loss", 0.05), ("Loss", pytest.approx(math.nan, nan_ok=True))]
    wanted = list(printed_metrics(lines, ["loss", "acc (top 5)"]))
    assert [(point.name, point.value) for point in wanted] == [
        ("loss", 0.05),
        ("acc (top 5)", 0.75),
        ("loss", -math.inf),
    ]
    assert [point.time is not None for point in wanted] == [True, False, False]


def test_what_a_function_returned_as_metrics() -> None:
    assert metrics_of({"loss": 1, "flag": True, "text": "2", 3: 4}, "x") == {"loss": 1.0}
    assert metrics_of(0.5, "acc") == {"acc": 0.5}
    assert metrics_of([1], "x") == metrics_of(None, "x") == metrics_of("1", "x") == {}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (report, ValueError, "at least one metric"),
        (lambda: report(loss="low"), ValueError, "could not convert"),  # type: ignore[arg-type]
        (lambda: report(loss=[1]), TypeError, "list"),  # type: ignore[arg-type]
        (lambda: report(step=True, loss=1), TypeError, "step is a whole number"),
    ],
)
def test_a_report_that_is_none_is_refused(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()  # type: ignore[operator]


def in_an_image(made: object, **env: str) -> list[str]:
    """Run a bundle under a Python that has nothing but its standard library."""
    command = made.command((sys.executable, "-S"), python=sys.executable, install=False)  # type: ignore[attr-defined]
    environ = {"PATH": os.environ["PATH"], **hyperparameter_env({"lr": "0.5"}), **env}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_function_reports_where_the_sdk_is_not_installed(tmp_path: Path) -> None:
    made = bundle(report_and_return, hyperparameters=["lr"])

    lines = in_an_image(made, KATIB_TRIAL_NAME="trial")

    assert [line.partition("Z ")[2] for line in lines] == ["loss=0.5", "loss=0.25"]
    assert [point.time is not None for point in printed_metrics(lines)] == [True, True]
    assert in_an_image(made) == []  # nobody listens
    assert in_an_image(made, KATIB_TRIAL_NAME="trial", RANK="1") == []
    status = tmp_path / "status.json"
    assert in_an_image(made, KUBEFLOW_STATUS_FILE=str(status)) == []
    assert '"progressPercentage": 50' in status.read_text()
    assert len(in_an_image(made, JOB_COMPLETION_INDEX="0")) == 1  # a pod: its log is what is kept
    plain = in_an_image(bundle(returned_alone, hyperparameters=["lr"]), KATIB_TRIAL_NAME="t", KUBEFLOW_OBJECTIVE="acc")
    assert [line.partition("Z ")[2] for line in plain] == ["acc=0.5"]


def test_only_code_that_reports_carries_what_that_takes(tmp_path: Path) -> None:
    script = tmp_path / "quiet.py"
    script.write_text("print('loss=0.5')")
    assert ".kubeflow/_kubeflow_reports.py" in bundle(report_and_return, args={"lr": 1.0}).files()
    assert ".kubeflow/_kubeflow_reports.py" not in bundle(script).files()
