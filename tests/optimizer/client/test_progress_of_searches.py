"""What is said of a search while somebody waits for it. Where it is shown: tests/core/test_live.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.optimizer import Metric, Objective, OptimizationJob, RandomSearch, Search, Trial, TrialConfig
from kubeflow.optimizer.api.progress_text import SearchText, block, time_left
from kubeflow.optimizer.types.search_spaces import ContinuousSearchSpace
from kubeflow.optimizer.types.trials import TrialStatus

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def trial(number: int, status: TrialStatus, loss: float | None = None, reason: str = "") -> Trial:
    begun = START + timedelta(seconds=10 * number)
    metrics = () if loss is None else (Metric("loss", loss, loss, loss),)
    ended = None if status == "Running" else begun + timedelta(seconds=10)
    return Trial(f"s-{number}", {"lr": 0.1 * number}, None, metrics, number, status, reason, begun, ended)


def search(*trials: Trial, status: str = "Running") -> OptimizationJob:
    space = Search.uniform(0, 1)
    assert isinstance(space, ContinuousSearchSpace)
    return OptimizationJob(
        *("s", {"lr": space}, [Objective()], RandomSearch(), TrialConfig(8, 2), trials, START),
        status=status,  # type: ignore[arg-type]
    )


DONE = trial(0, "Complete", 0.5)
BEST = trial(1, "Complete", 0.25)
FAILED = trial(2, "Failed", reason="rank 0 (node-0) raised ValueError: x")
RUNNING = trial(3, "Running")


def test_one_block_says_all_of_it() -> None:
    now = (START + timedelta(seconds=35)).timestamp()

    assert block(search(DONE, BEST, FAILED, RUNNING), now) == [
        "search s is Running: 2 of 8 done, 1 running, 1 failed, about 22 s left",
        "  best: trial 1 with loss=0.25 (lr=0.1)",
        "  trial 2 Failed: rank 0 (node-0) raised ValueError: x (lr=0.2)",
    ]
    assert block(search(), now) == ["search s is Running: 0 of 8 done"]
    limited = search(DONE, RUNNING)
    limited = replace(limited, trial_config=TrialConfig(8, 2, timeout=40))
    assert time_left(limited, now) == pytest.approx(5)


def test_what_is_new_is_told_for_each_trial_that_ended_and_each_once() -> None:
    text = SearchText()

    told = [
        *text.news(search(DONE, RUNNING)),
        *text.news(search(DONE, BEST, FAILED)),
        *text.news(search(DONE, BEST, FAILED, status="Complete")),
    ]

    assert told == [
        "s: trial 0 Complete: loss=0.5 (lr=0)",
        "s: trial 1 Complete: loss=0.25 (lr=0.1)",
        "s: trial 2 Failed: rank 0 (node-0) raised ValueError: x (lr=0.2)",
        "search s is Complete: 2 of 8 done, 1 failed",
        "  best: trial 1 with loss=0.25 (lr=0.1)",
    ]
    assert text.block(search(DONE), 40) == block(search(DONE))
