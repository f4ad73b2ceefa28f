"""Search spaces, algorithms and rules as they are written on a command line."""

from __future__ import annotations

import pytest

from kubeflow.cli.search_syntax import algorithm, early_stopping, objectives, search_space
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import ASHA, TPE, GridSearch, MedianStop, Objective, PercentileStop, Search


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("loguniform(1e-4,1e-1)", Search.loguniform(1e-4, 1e-1)),
        ("uniform(-1, 1, step=0.5)", Search.uniform(-1, 1, step=0.5)),
        ("normal(min=0, max=1)", Search.normal(min=0, max=1)),
        ("lognormal(0, 1)", Search.lognormal(0, 1)),
        ("int(8, 128, step=8)", Search.int(8, 128, step=8)),
        ("Int(1, 1024, log=true)", Search.int(1, 1024, log=True)),
        ("choice(16,32)", Search.choice([16, 32])),
        ("choice(adam, 'sgd momentum')", Search.choice(["adam", "sgd momentum"])),
        ("choice(true, false)", Search.choice([True, False])),
        ("choice([1, 2], [3])", Search.choice([[1, 2], [3]])),
    ],
)
def test_a_space_is_written_as_its_method(text: str, space: object) -> None:
    assert search_space([f"x={text}", "y=uniform(0,1)"]) == {"x": space, "y": Search.uniform(0, 1)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["lr"], "takes name=space"),
        (["lr=loguniform(0, 1)"], "--space lr: "),
        (["lr=logunifrom(1, 2)"], "no space 'logunifrom'. Did you mean 'loguniform'?"),
        (["lr=uniform(1)"], r"does not fit: uniform\(min, max, step\)"),
        (["lr=uniform(0, 1, stp=1)"], "does not fit"),
        (["lr=choice(a-b, c)"], "'a - b' is no value"),
        (["lr=1, 2"], "takes a word"),
        (["lr=choice(1"], "takes a word"),
        (["lr=__import__('os').system('true')"], "takes a word"),
        (["lr=uniform(0, 1)", "lr=uniform(0, 2)"], "'lr' twice"),
        (["x=choice(open('a'), 1)"], "is no value"),
    ],
)
def test_what_is_no_space_is_refused_in_words(given: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        search_space(given)


def test_algorithms_and_rules_are_words_with_settings() -> None:
    assert algorithm("tpe") == TPE()
    assert algorithm("TPE(n_startup_trials=5)", seed=7) == TPE(7, n_startup_trials=5)
    assert algorithm("grid") == GridSearch()
    assert early_stopping("median") == MedianStop()
    assert early_stopping("percentile(40, start_step=2)") == PercentileStop(40, start_step=2)
    assert early_stopping("asha(eta=4)") == ASHA(eta=4)
    with pytest.raises(InvalidInput, match="no algorithm 'tpee'. Did you mean 'tpe'?"):
        algorithm("tpee")
    with pytest.raises(InvalidInput, match="does not fit: hyperband"):
        algorithm("hyperband")


def test_objectives_have_a_direction_each_or_the_common_one() -> None:
    assert objectives([], "minimize", None) == [Objective("loss")]
    assert objectives(["accuracy", "latency:minimize"], "max", 0.9) == [
        Objective("accuracy", "maximize", 0.9),
        Objective("latency", "minimize"),
    ]
    with pytest.raises(InvalidInput, match="direction is 'minimize' or 'maximize'"):
        objectives(["loss:down"], "minimize", None)
