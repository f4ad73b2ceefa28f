"""What `explain` prints of what a backend found out."""

from __future__ import annotations

from datetime import datetime, timedelta

from kubeflow.trainer import Event, Step, TrainJob
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from tests.trainer.runtimes import TORCH

BASE = datetime(2026, 1, 1, 12).astimezone()


def text(steps: list[Step], *reasons: str) -> list[str]:
    timeline = [
        Event("Pod", "a", f"it is {reason}", reason, BASE + timedelta(seconds=age))
        for age, reason in enumerate(reasons)
    ]
    job = TrainJob("a", TORCH, steps, 1, BASE, "Created")
    return str(Diagnosis(job, "it waits.", timeline)).splitlines()


def test_what_happens_again_and_again_is_one_line_and_what_comes_back_is_another() -> None:
    lines = text([], "Running", "BackOff", "BackOff", "BackOff", "Running")

    assert [line.strip() for line in lines[lines.index("Timeline:") + 1 :]] == [
        "2026-01-01 12:00:00  a: Running: it is Running",
        "2026-01-01 12:00:01  a: BackOff: it is BackOff (3 such events)",
        "2026-01-01 12:00:04  a: Running: it is Running",
    ]


def test_a_step_without_a_pod_names_none() -> None:
    lines = text([Step("node-0", "Pending", ""), Step("node-1", "Running", "a-node-1")])

    assert lines[lines.index("Steps:") + 1 :] == ["  node-0: Pending", "  node-1: Running (a-node-1)"]
