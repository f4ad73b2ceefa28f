"""Experiments as they are rendered: Katib takes each of them, and each value arrives as what its space holds."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kubeflow_api.katib.v1beta1 import Experiment, validate_rules

from kubeflow.optimizer import (
    CMAES,
    PBT,
    TPE,
    BaseAlgorithm,
    BayesianOptimization,
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    EngineRefuses,
    GridSearch,
    Hyperband,
    IntegerSearchSpace,
    Objective,
    OptimizationSpec,
    RandomSearch,
    Sobol,
    TrialConfig,
)
from kubeflow.optimizer.engines.katib.experiment_checks import experiment_findings
from kubeflow.optimizer.engines.katib.experiment_reading import read_experiment
from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings, rendered_experiment
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.optimizer.optimization_spec import grid_size
from kubeflow.optimizer.types.search_spaces import Space
from kubeflow.packaging.remote.coercion import coerce
from tests.apiserver import Refused
from tests.cluster.katib import suggestionservices as services
from tests.cluster.katib.experimentrules import INJECTION, default_experiment, refuse_experiment
from tests.cluster.katib.katibcontroller import API, substituted
from tests.cluster.stage import Stage
from tests.optimizer.drawn_spaces import ALGORITHMS, plain_numbers, spaces
from tests.optimizer.katib.searches import search

EXAMPLES = int(os.environ.get("KUBEFLOW_TEST_SEARCHES", "60"))


def takes_all(**parameters: object) -> dict[str, float]:
    return {"loss": 0.0}


SEARCH = search("drawn", takes_all)


@st.composite
def searches(draw: st.DrawFn) -> OptimizationSpec:
    algorithm: BaseAlgorithm = draw(ALGORITHMS)
    space: dict[str, Space] = draw(spaces() | spaces(plain_numbers()))
    if isinstance(algorithm, Hyperband):
        space = {**{name: values for name, values in space.items() if name != "a"}, "a": IntegerSearchSpace(1, 30)}
    trials = draw(st.integers(1, 40))
    if isinstance(algorithm, GridSearch):
        assume(all(values.grid() is not None for values in space.values()))
        trials = min(trials, grid_size(space))
    failed = draw(st.none() | st.integers(0, 50))
    parallel = draw(st.integers(1, trials))
    if isinstance(algorithm, Hyperband):
        trials = parallel = 27
    metric = draw(st.sampled_from(["loss", "eval/loss", "val.acc", "top 1", "a|b", "perte(é)", "x-y_z", "R^2", "$x"]))
    objective = Objective(
        metric,
        draw(st.sampled_from(["minimize", "maximize"])),
        goal=draw(st.none() | st.floats(-10, 10)),
        strategy=draw(st.sampled_from(["best", "last", "min", "max"])),
    )
    config = TrialConfig(trials, parallel, failed)
    return replace(SEARCH, space=space, algorithm=algorithm, objectives=(objective,), config=config)


@given(searches(), st.integers(0, 1000))
@settings(max_examples=EXAMPLES)
def test_an_experiment_is_taken_by_katib_and_its_values_arrive(spec: OptimizationSpec, seed: int) -> None:
    try:
        experiment = rendered_experiment(spec, Surroundings())
    except EngineRefuses as error:
        assert all(finding.why and finding.remedy for finding in error.findings)
        return

    assert Experiment.from_yaml(experiment.to_yaml()) == experiment
    assert not validate_rules(experiment)
    assert not experiment_findings(experiment)
    stored = default_experiment(experiment.to_dict())
    assert not refuse_experiment(stored, None, {INJECTION: "enabled"})
    assert not services.problem(stored)
    generator = random.Random(seed)
    proposals = services.propose(stored, [], spec.config.parallel_trials, 0, generator)
    assert proposals or isinstance(spec.algorithm, Hyperband)
    read = read_experiment(stored)
    assert {name: type(values) for name, values in read.space.items()} == {
        name: type(values) for name, values in spec.space.items()
    }
    for proposal in proposals:
        check_arrival(spec, stored, proposal)


def check_arrival(spec: OptimizationSpec, stored: Mapping[str, Any], proposal: Mapping[str, str]) -> None:
    """Katib's substitution in the text of the TrainJob, and what the runner makes of the variable in the pod."""
    listed = [{"name": name, "value": value} for name, value in proposal.items()]
    run = substituted(stored["spec"]["trialTemplate"], {"name": "t", "parameterAssignments": listed}, "ml")
    texts = {variable["name"]: variable["value"] for variable in run["spec"]["trainer"]["env"]}
    for name, space in spec.space.items():
        value = coerced(name, texts[f"KUBEFLOW_PARAMETER_{name}"], space)
        if isinstance(spec.algorithm, Hyperband) and name == spec.algorithm.resource:
            assert type(value) is int  # how much of the resource a rung has
        else:
            assert is_inside(space, value), (name, value, space)


def coerced(name: str, text: str, space: Space) -> object:
    if isinstance(space, CategoricalSearchSpace):
        return coerce(name, text, {"kind": "choice", "values": list(space.choices)}, str)
    return coerce(name, text, {"kind": "int" if isinstance(space, IntegerSearchSpace) else "float"}, str)


def is_inside(space: Space, value: object) -> bool:
    if isinstance(space, ContinuousSearchSpace) and space.step is None and type(value) is float:
        # exp(log(x)) may differ from x in its last digit.
        low, high = space.bounds
        return (low is None or value >= low - 1e-12 * abs(low)) and (high is None or value <= high + 1e-12 * abs(high))
    return space.contains(value)


LISTS: Mapping[str, Space] = {"a": IntegerSearchSpace(1, 9), "b": CategoricalSearchSpace(("x", None, 2.5, {"k": 1}))}
NUMBERS: Mapping[str, Space] = {"a": IntegerSearchSpace(1, 9), "b": ContinuousSearchSpace(0.25, 2.0)}
STEPPED: Mapping[str, Space] = {"a": IntegerSearchSpace(1, 9, 2), "b": ContinuousSearchSpace(0.5, 2.0, step=0.5)}


@pytest.mark.parametrize(
    ("algorithm", "space"),
    [
        (RandomSearch(3), LISTS),
        (GridSearch(), STEPPED),
        (TPE(3), LISTS),
        (TPE(multivariate=False), STEPPED),
        (BayesianOptimization(5), NUMBERS),
        (CMAES(restart_strategy="ipop"), NUMBERS),
        (Sobol(), NUMBERS),
        (Hyperband(9, "a"), NUMBERS),
        (PBT(5), STEPPED),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_algorithm_is_stored_by_the_api_server(
    cluster: Stage, namespace: str, algorithm: BaseAlgorithm, space: Mapping[str, Space]
) -> None:
    parallel = 1 if algorithm == TPE(multivariate=False) else 9
    config = TrialConfig(9, parallel, 3, trial_timeout=60)
    experiment = rendered_experiment(
        replace(SEARCH, name="x", algorithm=algorithm, space=space, config=config), Surroundings()
    )
    path = f"{API}/namespaces/{namespace}/experiments"

    stored = cluster.wire.send("POST", path, experiment.to_dict(), query={"fieldValidation": "Strict", "dryRun": "All"})

    again = Experiment.from_server(stored)
    assert again.spec.parameters is not None
    assert again.to_dict()["spec"]["algorithm"] == experiment.to_dict()["spec"]["algorithm"]  # type: ignore[index]
    assert read_experiment(stored).algorithm == algorithm
    assert read_experiment(stored).space == space
    assert read_experiment(stored).config == config


@pytest.mark.parametrize("part", ["objective", "algorithm", "trialTemplate"])
def test_the_played_webhook_is_asked(cluster: Stage, namespace: str, part: str) -> None:
    body: dict[str, Any] = rendered_experiment(search(), Surroundings()).to_dict()
    broken = {**body, "spec": {key: value for key, value in body["spec"].items() if key != part}}

    with pytest.raises(Refused):
        cluster.wire.send("POST", f"{API}/namespaces/{namespace}/experiments", broken)


def test_an_experiment_of_a_dry_run_is_created_from_its_yaml(cluster: Stage, engine: KatibEngine) -> None:
    experiment = engine.render(search("from-yaml", trials=1, parallel=1))

    assert engine.create_job(experiment.to_yaml()) == "from-yaml"

    assert engine.get_job("from-yaml").objectives == (Objective("loss"),)
    engine.delete_job("from-yaml")
