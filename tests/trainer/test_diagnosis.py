"""What `explain` prints of what a backend found out."""

from __future__ import annotations

from datetime import datetime, timedelta

from kubeflow.trainer import Event, Step, TrainJob
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis, Explanation
from tests.trainer.runtimes import TORCH

BASE = datetime(2026, 1, 1, 12).astimezone()
OFFSET = BASE.isoformat()[-6:]
"""The zone of this machine, like `+01:00`."""


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
        f"2026-01-01 12:00:00{OFFSET}  a: Running: it is Running",
        f"2026-01-01 12:00:01{OFFSET}  a: BackOff: it is BackOff (3 such events)",
        f"2026-01-01 12:00:04{OFFSET}  a: Running: it is Running",
    ]


def test_a_step_without_a_pod_names_none() -> None:
    lines = text([Step("node-0", "Pending", ""), Step("node-1", "Running", "a-node-1")])

    assert lines[lines.index("Steps:") + 1 :] == ["  node-0: Pending", "  node-1: Running (a-node-1)"]


def test_many_steps_alike_are_one_line_and_those_that_differ_are_named() -> None:
    steps = [Step(f"node-{index}", "Pending", f"a-node-{index}") for index in range(100)]
    assert text(steps)[-1] == "  node-0 ... node-99 (100): Pending"

    steps[41] = Step("node-41", "Running", "a-node-41")
    assert text([Step("dataset-initializer", "Succeeded", "a-data"), *steps])[-4:] == [
        "Steps:",
        "  dataset-initializer: Succeeded (a-data)",
        "  node-0 ... node-40 (41), node-42 ... node-99 (58): Pending",
        "  node-41: Running (a-node-41)",
    ]


def test_what_the_first_line_says_is_not_said_again() -> None:
    job = TrainJob("a", TORCH, [], 1, BASE, "Failed")
    lines = str(Diagnosis(job, "it is suspended.", findings=["it is suspended"], places=["files in /a"])).splitlines()
    assert lines == [
        "TrainJob 'a' is Failed: it is suspended.",
        f"  runtime torch-distributed, 1 node(s), made 2026-01-01 12:00:00{OFFSET}",
        "  files in /a",
    ]


def test_an_explanation_shows_as_text_where_it_is_the_last_expression_of_a_cell() -> None:
    explanation = Explanation("one\ntwo")
    assert (repr(explanation), explanation) == ("one\ntwo", "one\ntwo")
