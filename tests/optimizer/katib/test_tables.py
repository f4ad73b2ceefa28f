"""What is said of Katib in one place is said alike in the others."""

from __future__ import annotations

import pytest

from kubeflow.optimizer.algorithms.algorithm_table import ALGORITHMS, EARLY_STOPPING
from kubeflow.optimizer.engines.katib.suggestion_services import ALGORITHM_TABLE, EARLY_STOPPING_TABLE, SERVICES
from tests.cluster.katib.experimentrules import ALGORITHMS as LISTED
from tests.cluster.katib.suggestionservices import ROUTING


def test_the_algorithms_of_katib_are_those_of_its_configuration() -> None:
    of_katib = {entry.engines["katib"] for entry in ALGORITHMS.values() if "katib" in entry.engines}

    assert set(ALGORITHM_TABLE) == set(LISTED)
    assert of_katib == set(LISTED) - {"enas", "darts"}  # architectures are searched by YAML alone
    assert {entry.service for entry in ALGORITHM_TABLE.values()} == set(SERVICES)
    assert {name: ALGORITHM_TABLE[name].service for name in ROUTING} == ROUTING


def test_the_rules_of_early_stopping_are_the_same() -> None:
    assert {entry.engines["katib"] for entry in EARLY_STOPPING.values() if "katib" in entry.engines} == set(
        EARLY_STOPPING_TABLE
    )


@pytest.mark.parametrize(
    ("algorithm", "setting", "good", "bad"),
    [
        ("random", "random_state", "0", "-1"),
        ("tpe", "gamma", "0.5", "1"),
        ("tpe", "n_EI_candidates", "1", "0"),
        ("bayesianoptimization", "base_estimator", "RF", "rf"),
        ("cmaes", "restart_strategy", "bipop", "always"),
        ("hyperband", "r_l", "9", "0"),
        ("pbt", "n_population", "5", "4"),
        ("pbt", "truncation_threshold", "1", "1.1"),
        ("enas", "controller_learning_rate", "1", "0"),
        ("enas", "controller_temperature", "None", "0"),
        ("darts", "batch_size", "None", "0"),
        ("darts", "w_lr_min", "0", "nan"),
    ],
)
def test_settings_take_what_their_service_takes(algorithm: str, setting: str, good: str, bad: str) -> None:
    fits = ALGORITHM_TABLE[algorithm].settings[setting].fits

    assert fits(good)
    assert not fits(bad)
