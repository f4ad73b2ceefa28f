"""The algorithms and rules of this package in Katib's words: names of settings, and what Katib's services lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubeflow.core.errors import Finding
from kubeflow.optimizer.engines.katib.suggestion_services import ALGORITHM_TABLE, KatibAlgorithm, first_rung
from kubeflow.optimizer.types.algorithm_types import (
    CMAES,
    PBT,
    TPE,
    BaseAlgorithm,
    BayesianOptimization,
    GridSearch,
    Hyperband,
    RandomSearch,
    Sobol,
)
from kubeflow.optimizer.types.early_stopping import EarlyStopping, MedianStop
from kubeflow.optimizer.types.optimization_types import TrialConfig
from kubeflow.optimizer.types.search_spaces import IntegerSearchSpace, Space

CHECKPOINTS = "/opt/katib/data"
"""Where a trial of population-based training finds its checkpoints."""
_CLIENT = "OptimizerClient(engine='client')"
_STARTUP, _CANDIDATES = TPE().n_startup_trials, TPE().n_candidates


def katib_algorithm(algorithm: BaseAlgorithm) -> KatibAlgorithm | None:
    """Return Katib's algorithm of this name; `None` where Katib has none."""
    return ALGORITHM_TABLE.get(algorithm.algorithm_name)


def settings(algorithm: BaseAlgorithm, config: TrialConfig) -> dict[str, str]:
    """Return the settings of an algorithm by Katib's names; what is at its default here and there is left out."""
    found: dict[str, object] = {}
    if "random_state" in (known.settings if (known := katib_algorithm(algorithm)) else ()):
        found["random_state"] = algorithm.random_state
    match algorithm:
        case TPE(multivariate=True):
            found |= {"n_startup_trials": algorithm.n_startup_trials, "n_ei_candidates": algorithm.n_candidates}
        case TPE():
            found["n_EI_candidates"] = algorithm.n_candidates
        case BayesianOptimization():
            found["n_initial_points"] = algorithm.n_startup_trials
        case CMAES():
            found["restart_strategy"] = algorithm.restart_strategy
        case Hyperband():
            found |= {"r_l": algorithm.max_resource, "resource_name": algorithm.resource, "eta": algorithm.eta}
        case PBT():
            found |= {
                "suggestion_trial_dir": CHECKPOINTS,
                "n_population": algorithm.population,
                "truncation_threshold": algorithm.truncation,
            }
        case _:
            pass
    return {name: str(value) for name, value in found.items() if value is not None}


def algorithm_of(name: str, settings: Mapping[str, str]) -> BaseAlgorithm | None:
    """Return the algorithm that Katib's name and settings mean; `None` when this package has none that is the same.

    Settings that it does not know are left out.

    Raises:
        InvalidInput: A setting that this package has, too, has a value that it does not take.
        ValueError: A setting is no number.
    """

    def count(setting: str, default: int) -> int:
        text = settings.get(setting, "")
        return int(text) if text.isascii() and text.isdigit() else default

    seed = count("random_state", -1)
    state = seed if 0 <= seed < 2**31 else None
    match name:
        case "random":
            return RandomSearch(state)
        case "grid":
            return GridSearch(state)
        case "multivariate-tpe":
            candidates = max(1, count("n_ei_candidates", _CANDIDATES))
            return TPE(state, count("n_startup_trials", _STARTUP), candidates)
        case "tpe":
            return TPE(state, n_candidates=max(1, count("n_EI_candidates", _CANDIDATES)), multivariate=False)
        case "bayesianoptimization":
            return BayesianOptimization(state, max(1, count("n_initial_points", _STARTUP)))
        case "cmaes":
            strategy = settings.get("restart_strategy")
            return CMAES(
                state, restart_strategy="ipop" if strategy == "ipop" else "bipop" if strategy == "bipop" else None
            )
        case "sobol":
            return Sobol()
        case "hyperband":
            most = count("r_l", 1)
            return Hyperband(max(1, most), settings.get("resource_name"), eta=max(2, count("eta", 3)))
        case "pbt":
            return PBT(max(2, count("n_population", 8)), float(settings.get("truncation_threshold", "0.2")))
        case _:
            return None


def algorithm_findings(algorithm: BaseAlgorithm, space: Mapping[str, Space], config: TrialConfig) -> Iterator[Finding]:
    """Yield what Katib lacks of an algorithm."""
    kind, known = type(algorithm).__name__, katib_algorithm(algorithm)
    if known is None:
        yield Finding(kind, "Katib does not have it", f"Take RandomSearch() or TPE(), or {_CLIENT}")
        return
    if algorithm.random_state is not None and "random_state" not in known.settings:
        yield Finding(
            f"{kind}(random_state=)", "Katib's service takes no seed", f"Leave random_state= out, or take {_CLIENT}"
        )
    if getattr(algorithm, "synchronous", False):
        yield Finding(
            f"{kind}(synchronous=True)",
            "Katib starts a trial as soon as another has ended",
            f"Leave synchronous= out, give parallel_trials=1, or take {_CLIENT}",
        )
    if known.repeats_in_parallel and config.parallel_trials > 1:
        yield Finding(
            f"{kind}(multivariate=False)",
            "Katib's service proposes the same parameters for all trials that it is asked for at once",
            "Take TPE(), which is multivariate, or parallel_trials=1",
        )
    match algorithm:
        case TPE(multivariate=False) if algorithm.n_startup_trials != _STARTUP:
            yield Finding("TPE(n_startup_trials=)", "Katib's univariate TPE does not take it", "Take multivariate=True")
        case CMAES():
            yield from _cmaes(algorithm)
        case Hyperband():
            yield from _hyperband(algorithm, space, config)
        case PBT():
            yield from _pbt(algorithm)
        case _:
            pass


def _cmaes(algorithm: CMAES) -> Iterator[Finding]:
    if algorithm.sigma is not None:
        yield Finding(
            "CMAES(sigma=)",
            "Katib reads it in the units of the parameters, and not as a part of their ranges",
            f"Leave sigma= out, or take {_CLIENT}",
        )
    if algorithm.n_startup_trials != CMAES().n_startup_trials:
        yield Finding(
            "CMAES(n_startup_trials=)", "Katib's service does not take it", f"Leave it out, or take {_CLIENT}"
        )


def _hyperband(algorithm: Hyperband, space: Mapping[str, Space], config: TrialConfig) -> Iterator[Finding]:
    if algorithm.resource is None:
        yield Finding(
            "Hyperband(resource=)",
            "Katib runs trials anew with more of a resource, and needs the name of its parameter",
            "Name it, such as Hyperband(27, resource='epochs')",
        )
    elif not isinstance(space.get(algorithm.resource), IntegerSearchSpace):
        yield Finding(
            f"Hyperband(resource={algorithm.resource!r})", "it is no range of whole numbers", "Take Search.int"
        )
    trials, start = first_rung(algorithm.max_resource, algorithm.eta)
    if algorithm.min_resource not in (1, int(start)):
        yield Finding(
            f"Hyperband(min_resource={algorithm.min_resource})",
            f"Katib begins with {int(start)} of {algorithm.max_resource}",
            "Leave min_resource= out",
        )
    if config.parallel_trials < trials:
        yield Finding(
            f"parallel_trials={config.parallel_trials}",
            f"Katib's hyperband begins with {trials} trials at once, eta to the power of its rungs",
            f"Give parallel_trials={trials}, a smaller max_resource, or take {_CLIENT}",
        )


def _pbt(algorithm: PBT) -> Iterator[Finding]:
    if algorithm.population < 5:
        yield Finding(f"PBT(population={algorithm.population})", "Katib takes at least 5", "Give population=5")
    if algorithm.resample is not None:
        yield Finding("PBT(resample=)", "Katib's service fails with it", f"Leave it out, or take {_CLIENT}")


def early_stopping_findings(rule: EarlyStopping | None, num_nodes: int) -> Iterator[Finding]:
    """Yield what Katib lacks of a rule of early stopping."""
    if rule is None:
        return
    if not isinstance(rule, MedianStop):
        yield Finding(type(rule).__name__, "Katib does not have it", f"Take MedianStop(), or {_CLIENT}")
        return
    if rule.start_step < 1:
        yield Finding("MedianStop(start_step=0)", "Katib counts reports from 1", "Give start_step=1")
    if num_nodes > 1:
        yield Finding(
            f"MedianStop on {num_nodes} nodes",
            "Katib ends the process of the first node alone, and the others go on waiting for it",
            f"Give num_nodes=1, or take {_CLIENT}",
        )
