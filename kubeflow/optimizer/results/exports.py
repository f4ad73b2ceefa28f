"""A search as a file: a table, JSON, or a journal that Optuna and its dashboard open."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import cast

from kubeflow.core.display import moment
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.optimizer.algorithms.optuna_study import optuna_module, quiet
from kubeflow.optimizer.results.optuna_trials import study_of_job, warn_of
from kubeflow.optimizer.results.trial_table import trial_rows
from kubeflow.optimizer.types.optimization_types import Direction, OptimizationJob
from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    IntegerSearchSpace,
    Space,
)
from kubeflow.trainer.types.checks import check_instance

EXPORT_FORMATS: Mapping[str, str] = {
    ".csv": "a table, a row for each trial",
    ".json": "the search with its trials",
    ".log": "a journal of Optuna, which `optuna-dashboard FILE.log` opens",
}
"""What `export` writes, by the ending of the file."""


def export(job: OptimizationJob, path: str | os.PathLike[str]) -> Path:
    """Write a search to a file, and return its path. A file that is there is replaced.

    Args:
        job: The search, as `get_job` returns it.
        path: The file. `.csv` is a table, `.json` has the search with its trials, and `.log` is a journal that
            Optuna's `JournalStorage` and `optuna-dashboard` open.

    Raises:
        InvalidInput: The file has another ending, or cannot be written.
        MissingExtra: For `.log`, when Optuna is not installed.
    """
    check_instance("path", path, (str, os.PathLike))
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in EXPORT_FORMATS:
        known = ", ".join(f"{each} ({what})" for each, what in EXPORT_FORMATS.items())
        raise InvalidInput(f"{os.fspath(path)!r} has none of the endings that can be written: {known}.")
    try:
        if ending == ".csv":
            _write_csv(job, file)
        elif ending == ".json":
            file.write_text(json.dumps(job_document(job), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        else:
            _write_journal(job, file)
    except OSError as error:
        raise InvalidInput(f"The search cannot be written to {str(file)!r}: {error.strerror or error}.") from error
    return file


def _write_csv(job: OptimizationJob, file: Path) -> None:
    rows = trial_rows(job)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["number"])
        writer.writeheader()
        writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)


def _write_journal(job: OptimizationJob, file: Path) -> None:
    optuna = optuna_module("A journal")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    # The backend appends, and locks by a link beside the file.
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    try:
        with quiet(optuna):
            _, outside = study_of_job(optuna, job, JournalStorage(JournalFileBackend(str(unfinished))))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    warn_of(outside, job.name)


def job_document(job: OptimizationJob) -> dict[str, object]:
    """Return a search as plain JSON: what is no plain data is its `repr`, and a number that is not finite its name."""
    best = job.best_trial
    return {
        "name": job.name,
        "status": job.status,
        "reason": job.reason,
        "engine": job.engine,
        "created": moment(job.creation_timestamp),
        "algorithm": None if job.algorithm is None else job.algorithm.algorithm_name,
        "objectives": [
            {
                "metric": aim.metric,
                "direction": cast("Direction", aim.direction).value,
                "goal": aim.goal,
                "strategy": aim.strategy,
            }
            for aim in job.objectives
        ],
        "search_space": {name: _space(space) for name, space in job.search_space.items()},
        "best_trial": None if best is None else best.name,
        "trials": [
            {
                "number": trial.number,
                "name": trial.name,
                "status": trial.status,
                "reason": trial.reason,
                "parameters": {name: _plain(value) for name, value in trial.parameters.items()},
                "metrics": {
                    metric.name: {"min": _plain(metric.min), "max": _plain(metric.max), "latest": _plain(metric.latest)}
                    for metric in trial.metrics
                },
                "started": None if trial.started is None else moment(trial.started),
                "ended": None if trial.ended is None else moment(trial.ended),
            }
            for trial in sorted(job.trials, key=lambda trial: trial.number)
        ],
    }


def _space(space: Space) -> dict[str, object]:
    if isinstance(space, CategoricalSearchSpace):
        return {"choices": [_plain(choice) for choice in space.choices]}
    if isinstance(space, IntegerSearchSpace):
        return {"type": "int", "min": space.min, "max": space.max, "step": space.step, "log": space.log}
    fields = {"min": space.min, "max": space.max, "step": space.step, "mean": space.mean, "std": space.std}
    given = {name: value for name, value in fields.items() if value is not None}
    return {"type": "float", "distribution": _name(space), **given}


def _name(space: ContinuousSearchSpace) -> str:
    return space.distribution.value


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) in (list, tuple):
        return [_plain(part) for part in cast("list[object]", value)]
    if type(value) is dict:
        return {str(key): _plain(part) for key, part in cast("dict[object, object]", value).items()}
    return repr(value)


def _cell(value: object) -> object:
    return moment(value) if isinstance(value, datetime) else value
