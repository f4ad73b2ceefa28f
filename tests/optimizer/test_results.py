"""Results of a search: the best, the Pareto front, tables, pictures, and files that other programs open."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import optuna
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import TPE, Metric, Objective, OptimizationJob, Trial, TrialConfig
from kubeflow.optimizer.results import (
    PLOT_KINDS,
    export,
    plot,
    plot_history,
    plot_importances,
    plot_pareto,
    save_plot,
    to_dataframe,
    trial_rows,
)
from tests.optimizer.searches import AIMS, made

START = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)


class Kind(Enum):
    BIG = "big"


SPACE: dict[str, Any] = {
    "lr": made.loguniform(1e-4, 1e-1),
    "width": made.int(8, 64),
    "kind": made.choice([True, 1, Kind.BIG, None]),
    "noise": made.normal(0, 1),
}


def trial(number: int, loss: float, accuracy: float, status: Any = "Complete", **fields: Any) -> Trial:
    parameters = {
        "lr": 1e-3 * (number + 1),
        "width": 8 + number,
        "kind": SPACE["kind"].choices[number % 4],
        "noise": 0.1,
    }
    metrics = [Metric("loss", loss, loss + 1, loss + 0.5), Metric("accuracy", accuracy, accuracy, accuracy), Metric("f1", 0.1, 0.3, 0.2)]  # fmt: skip
    times = {"started": START, "ended": START + timedelta(seconds=number + 1)}
    return Trial(f"a-{number}", parameters, None, metrics, number, status, **{**times, **fields})


TRIALS = [
    trial(0, 0.5, 0.7), trial(1, 0.4, 0.6), trial(2, math.nan, 0.9, "Failed", reason="loss was nan"),
    trial(3, 0.3, 0.5), trial(4, 0.45, 0.4), trial(5, 0.1, 0.9, "Stopped"), trial(6, 0.2, 0.8, "Running", ended=None),
    trial(7, 0.3, 0.5),
]  # fmt: skip
JOB = OptimizationJob("a", SPACE, AIMS, TPE(), TrialConfig(8), TRIALS, START, "Running")
ONE = replace(JOB, objectives=AIMS[:1])


def test_the_best_is_the_first_of_the_complete_ones_with_the_best_finite_value() -> None:
    assert ONE.best_trial is ONE.best is TRIALS[3]
    assert replace(ONE, objectives=[Objective("accuracy", "maximize")]).best_trial is TRIALS[0]
    assert replace(ONE, objectives=[Objective("loss", strategy="last")]).best_trial is TRIALS[3]
    assert replace(ONE, trials=TRIALS[2:3]).best_trial is None
    diverged = trial(8, math.nan, 1.0)
    assert replace(ONE, trials=[diverged, *TRIALS]).best_trial is TRIALS[3]
    assert [each.number for each in JOB.pareto_front] == [0, 1, 3, 7]


def test_strategies_say_which_value_of_a_trial_counts() -> None:
    metrics = [Metric("loss", 1.0, 3.0, 2.0)]
    values = [Objective("loss", aim, strategy=how).value(metrics) for aim in ("minimize", "maximize") for how in ("best", "last", "min", "max")]  # fmt: skip
    assert values == [1.0, 2.0, 1.0, 3.0, 3.0, 2.0, 1.0, 3.0]
    assert Objective("loss", goal=1.5).reached(1.0)
    assert not Objective("loss", "maximize", goal=1.5).reached(1.0)


def test_a_table_has_values_of_their_types_and_nothing_that_is_not_known() -> None:
    rows = trial_rows(JOB)
    assert len({tuple(row) for row in rows}) == 1
    assert rows[2]["parameters.kind"] is Kind.BIG
    assert rows[2]["metrics.loss"] is None
    assert rows[2]["reason"] == "loss was nan"
    assert rows[6]["seconds"] is None
    frame = to_dataframe(JOB)
    assert frame.loc[3, "metrics.loss"] == 0.3
    assert frame.loc[3, "metrics.f1"] == 0.2, "of other metrics the last value"
    assert frame.loc[7, "seconds"] == 8
    assert list(frame.index) == list(range(8))
    assert len(to_dataframe(replace(JOB, trials=()))) == 0


@pytest.mark.parametrize("kind", PLOT_KINDS)
@pytest.mark.parametrize("library", ["plotly", "matplotlib"])
def test_every_picture_is_drawn(kind: Any, library: Any) -> None:
    job = JOB if kind == "pareto" else ONE
    figure: Any = plot(job, kind, library=library)
    if library == "plotly":
        assert figure.data
    else:
        import matplotlib.pyplot as plt

        assert figure.axes
        plt.close("all")


def test_pictures_are_of_the_objective_and_the_parameters_that_are_asked_for() -> None:
    history: Any = plot_history(JOB, objective="accuracy")
    assert history.layout.yaxis.title.text == "accuracy"
    assert list(history.data[0].y) == [0.7, 0.6, 0.5, 0.4, 0.5], "complete ones only"
    importances: Any = plot_importances(ONE, parameters=["lr", "width"])
    assert set(importances.data[0].y) == {"lr", "width"}
    front: Any = plot_pareto(JOB)
    assert front.layout.xaxis.title.text == "loss"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: plot(ONE, "histroy"), "Did you mean 'history'"),  # type: ignore[arg-type]
        (lambda: plot(ONE, "pareto"), "two or three objectives, and 'a' has 1"),
        (lambda: plot(ONE, "slice", parameters=["lrr"]), "Did you mean 'lr'"),
        (lambda: plot(ONE, objective="los"), "Did you mean 'loss'"),
        (lambda: plot(replace(ONE, trials=TRIALS[:1]), "importances"), "at least 2 complete trial(s), and 'a' has 1"),
        (lambda: save_plot(ONE, "a.bmp"), "none of the endings"),
        (lambda: save_plot(ONE, "/no/such/folder/a.png"), "cannot be written to '/no/such/folder/a.png': No such file"),
        (lambda: save_plot(ONE, "/no/such/folder/a.html"), "cannot be written to"),
        (lambda: export(ONE, "/no/such/folder/a.csv"), "cannot be written to '/no/such/folder/a.csv': No such file"),
        (lambda: export(ONE, "/no/such/folder/a.json"), "cannot be written to"),
        (lambda: export(ONE, "/no/such/folder/a.log"), "cannot be written to"),
        (lambda: export(ONE, None), "path takes str or PathLike, not None"),  # type: ignore[arg-type]
        (lambda: plot(ONE, "slice", parameters="lr"), "write parameters=['lr']"),
        (lambda: export(ONE, "a.xlsx"), ".csv (a table, a row for each trial)"),
    ],
)
def test_what_cannot_be_drawn_or_written_is_refused_in_words(wrong: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        wrong()
    assert words in str(raised.value)


def test_pictures_become_files(tmp_path: Path) -> None:
    assert save_plot(ONE, tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in save_plot(ONE, tmp_path / "a.svg", "slice").read_bytes()
    assert "plotly" in save_plot(ONE, tmp_path / "a.html", "contour").read_text("utf-8")


def test_files_have_all_trials_and_journals_open_in_optuna(tmp_path: Path) -> None:
    for job in (JOB, ONE):
        with export(job, tmp_path / "a.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["name"] for row in rows] == [each.name for each in TRIALS]
        document = json.loads(export(job, tmp_path / "a.json").read_text("utf-8"))
        assert document["best_trial"] == "a-3"
        assert document["trials"][2]["parameters"]["kind"] == "<Kind.BIG: 'big'>"
        assert document["trials"][2]["metrics"]["loss"]["min"] == "nan"
        export(job, tmp_path / "a.log")
        backend = optuna.storages.journal.JournalFileBackend(str(export(job, tmp_path / "a.log")))
        study = optuna.load_study(study_name="a", storage=optuna.storages.JournalStorage(backend))
        assert [each.user_attrs["name"] for each in study.trials] == [each.name for each in TRIALS]
        assert study.trials[3].params == {"lr": 0.004, "width": 11, "kind": "None", "noise": 0.1}
        complete = [each for each in study.trials if each.state is optuna.trial.TrialState.COMPLETE]
        assert [each.duration.total_seconds() for each in complete if each.duration] == [1, 2, 4, 5, 8]
        assert study.trials[2].state is optuna.trial.TrialState.FAIL
        assert study.trials[2].user_attrs["reason"] == "loss was nan"
    assert study.best_value == 0.3
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.json", "a.log"}


def test_trials_outside_of_the_space_are_left_out_of_pictures_with_a_warning() -> None:
    strange = replace(TRIALS[0], name="strange", parameters={**TRIALS[0].parameters, "lr": 7.0})
    with pytest.warns(UserWarning, match="1 trial\\(s\\) of 'a' are left out.*strange"):
        plot_history(replace(ONE, trials=[strange, *TRIALS]))


def test_a_missing_library_names_its_extra() -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('pandas', 'plotly', 'matplotlib'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import importlib.util as u; real = u.find_spec\n"
        "from tests.optimizer.test_results import *\n"
        "for ask in (lambda: to_dataframe(JOB),):\n"
        "    try: ask()\n"
        "    except MissingExtra as error: print(error)\n"
    ).replace("from tests", "from kubeflow.optimizer import MissingExtra\nfrom tests")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [
        "A data frame needs pandas>=2.2, which is not installed: pip install 'kubeflow[plots]'.",
    ]
