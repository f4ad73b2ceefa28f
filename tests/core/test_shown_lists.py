"""Lists of objects: lists in every respect, shown in a terminal with a line for each object."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.core.html import Cell
from kubeflow.core.shown_list import ShownList
from kubeflow.core.terminal_text import columns, cut, one_line, text_table
from kubeflow.optimizer import OptimizationJob, RandomSearch, Trial, TrialConfig
from kubeflow.trainer.types.jobs import EventList, JobList
from kubeflow.trainer.types.runtimes import RuntimeList
from tests.test_reprs import JOB, RUNTIME


class Numbers(ShownList[int]):
    WHAT = "numbers"

    @classmethod
    def row(cls, item: int) -> Mapping[str, Cell]:
        return {"Number": item, "Half": item / 2, "Nothing": None, "Text": ""}


def test_a_list_is_a_list() -> None:
    numbers = Numbers(range(5))
    assert numbers == [0, 1, 2, 3, 4]
    assert json.dumps(numbers) == "[0, 1, 2, 3, 4]"
    assert type(numbers[1:]) is Numbers
    assert numbers[-1] == 4
    for made in (pickle.loads(pickle.dumps(numbers)), copy.deepcopy(numbers), numbers[:]):
        assert type(made) is Numbers
        assert made == numbers
    assert type(sorted(numbers)) is list
    with pytest.raises(IndexError):
        numbers[9]


def test_a_list_of_jobs_has_a_line_for_each_and_no_column_that_is_empty() -> None:
    made = datetime.now(UTC) - timedelta(minutes=5, seconds=10)
    jobs = JobList([replace(JOB, creation_timestamp=made), replace(JOB, name="x\n\x1b[31m", creation_timestamp=made)])
    assert repr(jobs).splitlines() == [
        "Name        Status   Nodes  Done  Runtime            Age",
        "train-3f2a  Running  100    40 %  torch-distributed  5 min",
        "x           Running  100    40 %  torch-distributed  5 min",
    ]
    assert repr(JobList()) == repr(EventList()) == "[]"
    assert repr(RuntimeList([RUNTIME])).splitlines()[0].split() == ["Name", "Framework", "Phase", "Nodes", "Image"]


def test_of_a_long_list_both_ends_are_shown() -> None:
    lines = repr(Numbers(range(5000))).splitlines()
    assert lines[0] == "Number  Half"
    assert lines[10:13] == ["9       4.5", "... 4,940 more numbers ...", "4950    2475"]
    assert lines[-1] == "4999    2499.5"
    assert len(lines) == 62
    assert "4,940 more numbers" in Numbers(range(5000))._repr_html_()
    assert "no numbers" in Numbers()._repr_html_()


def test_the_trials_of_a_search_are_a_tuple() -> None:
    trials = (
        Trial("a-0", {"lr": 0.1, "api_key": "open-sesame"}, status="Complete"),
        Trial("a-1", {"lr": 0.2}, number=1),
    )
    search = OptimizationJob("a", {}, (), RandomSearch(), TrialConfig(), trials, datetime.now(UTC))
    assert search.trials == trials
    assert repr(search.trials).splitlines()[1].split() == ["0", "Complete", "lr=0.1,", "api_key=***", "a-0"]
    assert pickle.loads(pickle.dumps(search)) == search
    assert replace(search, trials=()).trials == ()
    assert "trials=(" in repr(search)


def test_text_of_a_terminal_is_measured_in_columns() -> None:
    assert [columns(text) for text in ("abc", "日本", "é", "e\u0301", "")] == [3, 4, 1, 1, 0]
    assert [cut("日本語", most) for most in (6, 5, 4, 1, 0)] == ["日本語", "日本…", "日…", "…", ""]
    assert one_line("a\r\nb\tc\x1b[1;31md\x1b[0m\x07\u202e") == "a b cd\ufffd\ufffd"
    assert text_table(["a", "b"], [["日本", "1"], ["x" * 9, "2"]], widest=5) == ["a      b", "日本   1", "xxxx…  2"]
