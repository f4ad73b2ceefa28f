"""What users write in place of plain Python: numbers of numpy, spaces where none can be, values of other searches."""

from __future__ import annotations

import enum
import functools
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.core.search_space import search_spaces, search_spaces_of_function
from kubeflow.optimizer import (
    CMAES,
    PBT,
    TPE,
    Hyperband,
    Metric,
    Objective,
    OptimizationJob,
    OptimizationSpec,
    PercentileStop,
    RandomSearch,
    Search,
    Trial,
    TrialConfig,
)
from kubeflow.optimizer.engines.client.study_document import ChoiceOfUser
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainer
from kubeflow.trainer.jobs.jobspec import job_spec
from tests.optimizer.functions_with_spaces import UNIT, Settings, drawn_by_default, fit, reads_a_variable
from tests.optimizer.searches import RUNTIME

made: Any = Search


class Kind(enum.Enum):
    SMALL = 1
    LARGE = 2


def described(trainer: CustomTrainer[Any] | None = None, **given: Any) -> OptimizationSpec:
    return optimization_spec(name="a", runtime=RUNTIME, trainer=trainer or CustomTrainer(fit), **given)


def test_numbers_of_numpy_and_decimals_are_numbers() -> None:
    config = TrialConfig(np.int64(4), np.int32(2), timeout=np.float32(3))  # type: ignore[arg-type]
    assert (config, type(config.num_trials), type(config.timeout)) == (TrialConfig(4, 2, timeout=3.0), int, float)
    assert Objective(goal=Decimal("0.5")) == Objective(goal=0.5)  # type: ignore[arg-type]
    assert RandomSearch(np.int64(3)) == RandomSearch(3)  # type: ignore[arg-type]
    assert made.uniform(Decimal("0.1"), Decimal("0.3"), step=Fraction(1, 10)) == made.uniform(0.1, 0.3, step=0.1)
    assert type(made.uniform(np.float64(0), np.float32(1)).max) is float
    assert made.int(np.int64(1), np.uint8(9)) == made.int(1, 9)
    assert Search(min=np.int64(1), max=np.int64(9)).resolve(int) == made.int(1, 9)  # type: ignore[arg-type]


def test_parameters_from_a_data_frame_are_values_of_their_spaces() -> None:
    space = {"lr": UNIT, "width": made.int(1, 9), "kind": made.choice([32, 64])}
    row = {"lr": np.float64(0.25), "width": np.float64(5.0), "kind": np.int64(64)}

    spec = described(search_space=space, algorithm=TPE(), enqueue=[row], warm_start=[(row, {"loss": np.float32(0.5)})])

    assert spec.enqueue == ({"lr": 0.25, "width": 5, "kind": 64},)
    assert [type(value) for value in spec.enqueue[0].values()] == [float, int, int]
    assert spec.warm_start[0].metrics == {"loss": 0.5}


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: TrialConfig(timeout="10"), "timeout must be a number of seconds above 0, not '10'"),  # type: ignore[arg-type]
    (lambda: TrialConfig(trial_timeout=timedelta(1)), "trial_timeout must be a number of seconds"),  # type: ignore[arg-type]
    (lambda: TrialConfig(retain="no"), "retain must be True or False, not 'no'"),  # type: ignore[arg-type]
    (lambda: TrialConfig(unique=1), "unique must be True or False"),  # type: ignore[arg-type]
    (lambda: TPE(multivariate="no"), "multivariate must be True or False"),  # type: ignore[arg-type]
    (lambda: TPE(synchronous=0), "synchronous must be True or False"),  # type: ignore[arg-type]
    (lambda: made.int(1, 9, log="no"), "log must be True or False"),
    (lambda: PercentileStop("50"), "percentile must be a number above 0 and below 100, not '50'"),  # type: ignore[arg-type]
    (lambda: CMAES(sigma="1"), "sigma must be a number above 0"),  # type: ignore[arg-type]
    (lambda: PBT(truncation="0.1"), "truncation must be a number above 0"),  # type: ignore[arg-type]
    (lambda: PBT(resample="0.1"), "resample is a probability from 0 to 1"),  # type: ignore[arg-type]
    (lambda: Hyperband(27, resource=3), "resource must be a non-empty string"),  # type: ignore[arg-type]
    (lambda: made.uniform(0, 10**400), "a number that a float can be"),
    (lambda: made.choice([np.int64(1), np.int64(1)]), "comes twice"),
    (lambda: made.choice([{"lr": UNIT}]), "is or holds a search space itself"),
    (lambda: made.choice([Settings(UNIT)]), "is or holds a search space itself"),
    (lambda: described(objectives="loss", search_space={"lr": UNIT}), "write objectives=[Objective('loss')]"),
    (lambda: described(objectives=3, search_space={"lr": UNIT}), "objectives takes a list, not 3"),
    (lambda: described(enqueue=3, search_space={"lr": UNIT}), "enqueue takes a list, not 3"),
    (lambda: described(enqueue=[{"lr": "0.5"}], search_space={"lr": UNIT}), "It is a text: write 0.5"),
    (lambda: described(enqueue=[{"lr": 10**400}], search_space={"lr": UNIT}), "is outside of"),
    (lambda: described(enqueue=[{"lr": 0.55}], search_space={"lr": made.uniform(0, 1, step=0.1)}), "The nearest is 0.6"),
    (lambda: described(warm_start="a", search_space={"lr": UNIT}), "warm_start takes a list, not 'a'"),
    (lambda: described(warm_start=[({"lr": 0.5}, 0.3)], search_space={"lr": UNIT}), "write ({'lr': 0.5}, {'loss': 0.3})"),
    (lambda: described(CustomTrainer(fit, {"kind": Settings(UNIT)})), "kind.rate is a search space inside of an argument"),
    (lambda: described(CustomTrainer(fit, {"kind": {"a": {UNIT}}})), "kind['a'][0] is a search space inside"),
    (lambda: described(CustomTrainer(drawn_by_default, {"width": made.int(1, 2)})), "lr is a search space, and the default"),
    (lambda: described(CustomTrainer(reads_a_variable, {"width": made.int(1, 2)})), "UNIT is a search space, and a variable"),
    (lambda: described(CustomTrainer(functools.partial(fit, lr=UNIT))), "lr is a search space, and an argument that a partial"),
    (lambda: CustomTrainer(fit, env={"RATE": UNIT}), "env['RATE'] is a search space, and variables hold text"),
    (lambda: job_spec(name="a", runtime=RUNTIME, trainer=CustomTrainer(drawn_by_default)), "lr is a search space, and a job"),
    (lambda: job_spec(name="a", runtime=RUNTIME, trainer=CustomTrainer(reads_a_variable, {"width": 1})), "UNIT is a search space"),
    (lambda: job_spec(name="a", runtime=RUNTIME, trainer=CustomTrainer(fit, {"kind": Settings(UNIT)})), "kind.rate is a search"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "words"), WRONG)
def test_what_cannot_be_is_refused_by_its_name(wrong: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        wrong()
    assert words in str(raised.value)


def test_a_default_that_is_a_space_does_not_count_where_a_value_is_given() -> None:
    spec = described(CustomTrainer(drawn_by_default, {"lr": 0.5}), search_space={"width": made.int(1, 2)})
    assert list(spec.space) == ["width"]
    assert list(described(CustomTrainer(drawn_by_default), search_space={"lr": UNIT}).space) == ["lr"]
    assert job_spec(name="a", runtime=RUNTIME, trainer=CustomTrainer(drawn_by_default, {"lr": 0.5})).bundle is not None


def test_spaces_are_looked_for_in_methods_and_in_values_that_hold_themselves() -> None:
    class Task:
        def run(self, lr: float = UNIT) -> float:
            return lr

    holds: dict[str, object] = {"a": [1, {"b": UNIT}]}
    holds["self"] = [holds]
    assert [place for place, _ in search_spaces(holds, "config")] == ["config['a'][1]['b']"]
    assert list(search_spaces_of_function(Task().run)) == [("lr", "the default of an argument")]
    assert list(search_spaces_of_function(Task().run, {"lr"})) == []


def earlier(*parameters: dict[str, object], metric: str = "loss") -> OptimizationJob:
    trials = [
        Trial(f"old-{number}", each, None, [Metric(metric, 0.1, 0.2, 0.1)], number, "Complete")
        for number, each in enumerate(parameters)
    ]
    return OptimizationJob("old", {}, [Objective(metric)], None, TrialConfig(), trials, datetime.now(UTC), "Complete")


def test_an_earlier_search_that_says_nothing_about_this_one_is_refused_and_parts_of_one_count() -> None:
    job = earlier({"lr": 0.5, "width": 3}, {"lr": 2.0}, {"lr": 1})
    assert [known.parameters for known in described(search_space={"lr": UNIT}, algorithm=TPE(), warm_start=[job]).warm_start] == [
        {"lr": 0.5}, {"lr": 1.0},
    ]  # fmt: skip
    cases: list[tuple[Any, dict[str, Any], str]] = [
        ({"width": made.int(7, 9)}, {}, "none of its 3 complete trials.*width=3, which is outside of"),
        ({"kind": made.choice([1, 2])}, {}, "old-0 lacks kind"),
        ({"lr": UNIT}, {"objectives": [Objective("accuracy")]}, "old-0 has no value for 'accuracy'"),
    ]
    for search_space, asked, words in cases:
        with pytest.raises(InvalidInput, match=words):
            described(search_space=search_space, algorithm=TPE(), warm_start=[job], **asked)
    assert described(search_space={"lr": UNIT}, algorithm=TPE(), warm_start=[earlier()]).warm_start == ()


def test_choices_of_classes_that_an_earlier_search_did_not_have_are_known_by_how_they_are_shown() -> None:
    job = earlier({"kind": ChoiceOfUser(1, repr(Kind.LARGE))})
    spec = described(search_space={"kind": made.choice(list(Kind))}, algorithm=TPE(), warm_start=[job])
    assert spec.warm_start[0].parameters == {"kind": Kind.LARGE}


def test_an_algorithm_that_learns_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        described(search_space={"lr": UNIT}, warm_start=[({"lr": 0.5}, {"loss": 0.1})])
    assert "warm_start= has no effect with RandomSearch, which learns nothing" in caplog.text
