"""How the parameters of the next trial are chosen. `algorithms/algorithm_table.py` says which engine has which."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Literal

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.finite_numbers import is_number, take_builtin_numbers
from kubeflow.trainer.types.checks import check_count, check_flag, check_text

_SEEDS = 2**31 - 1


class BaseAlgorithm(abc.ABC):
    """How parameters are proposed. All algorithms take `random_state`: the seed, by which a search repeats itself."""

    random_state: int | None

    @property
    @abc.abstractmethod
    def algorithm_name(self) -> str:
        """Its name, as Katib has it where Katib has it."""

    def to_dict(self) -> dict[str, object]:
        """Return its name as `algorithm`, and its settings by name, as plain JSON values."""
        return {"algorithm": self.algorithm_name, **dict_of_fields(self)}

    def _check(self) -> None:
        take_builtin_numbers(self)
        for field in ("multivariate", "synchronous"):
            if hasattr(self, field):
                check_flag(field, getattr(self, field))
        if self.random_state is not None:
            check_count("random_state", self.random_state, least=0, most=_SEEDS)


@dataclass(frozen=True)
class RandomSearch(BaseAlgorithm):
    """Each trial is drawn by itself. The same seed gives the same trials, however many run at once.

    Attributes:
        random_state: The seed, from 0 to 2^31 - 1. Default: another one for each search.
    """

    random_state: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()

    @property
    def algorithm_name(self) -> str:
        """`random`."""
        return "random"


@dataclass(frozen=True)
class GridSearch(BaseAlgorithm):
    """Every combination of values once; the last parameter changes fastest.

    Floats need a step: `Search.uniform(0.1, 0.9, step=0.1)`, or a list of values: `Search.choice([0.1, 0.5])`.

    Attributes:
        random_state: Shuffles the points. Default: in order.
    """

    random_state: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()

    @property
    def algorithm_name(self) -> str:
        """`grid`."""
        return "grid"


@dataclass(frozen=True)
class TPE(BaseAlgorithm):
    """Tree-structured Parzen estimator: draws where good trials were more frequent than others. A good default.

    Attributes:
        random_state: The seed.
        n_startup_trials: So many trials are drawn at random first.
        n_candidates: Candidates of which the best is taken, for each trial.
        multivariate: Model all parameters together, which sees how they depend on each other.
        synchronous: Ask for `parallel_trials` trials at once and wait for all of them, so that the same seed gives the
            same trials in parallel, too. It costs time: the slowest of them is waited for.
    """

    random_state: int | None = None
    n_startup_trials: int = 10
    n_candidates: int = 24
    multivariate: bool = True
    synchronous: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        check_count("n_startup_trials", self.n_startup_trials, least=0)
        check_count("n_candidates", self.n_candidates)

    @property
    def algorithm_name(self) -> str:
        """`multivariate-tpe`, or `tpe`."""
        return "multivariate-tpe" if self.multivariate else "tpe"


@dataclass(frozen=True)
class BayesianOptimization(BaseAlgorithm):
    """A Gaussian process with expected improvement: for few and expensive trials. Needs torch where it runs here.

    Attributes:
        random_state: The seed.
        n_startup_trials: So many trials are drawn at random first.
        synchronous: As in `TPE`.
    """

    random_state: int | None = None
    n_startup_trials: int = 10
    synchronous: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        check_count("n_startup_trials", self.n_startup_trials)

    @property
    def algorithm_name(self) -> str:
        """`bayesianoptimization`."""
        return "bayesianoptimization"


@dataclass(frozen=True)
class CMAES(BaseAlgorithm):
    """Covariance matrix adaptation: for many trials over two or more numbers. Choices are drawn at random.

    Attributes:
        random_state: The seed.
        sigma: The first step size, as a part of the range. Default: a sixth.
        restart_strategy: What happens when it has converged: `None` goes on, `"ipop"` and `"bipop"` start again with
            larger populations.
        n_startup_trials: So many trials are drawn at random first.
        synchronous: As in `TPE`.
    """

    random_state: int | None = None
    sigma: float | None = None
    restart_strategy: Literal["ipop", "bipop"] | None = None
    n_startup_trials: int = 1
    synchronous: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        check_count("n_startup_trials", self.n_startup_trials)
        if self.sigma is not None and not (is_number(self.sigma) and 0 < self.sigma < float("inf")):
            raise InvalidInput(f"sigma must be a number above 0, not {self.sigma!r}.")
        if self.restart_strategy not in (None, "ipop", "bipop"):
            raise InvalidInput(f"restart_strategy is None, 'ipop' or 'bipop', not {self.restart_strategy!r}.")

    @property
    def algorithm_name(self) -> str:
        """`cmaes`."""
        return "cmaes"


@dataclass(frozen=True)
class Sobol(BaseAlgorithm):
    """A quasi-random sequence: covers the space more evenly than random draws. Repeats itself as `RandomSearch` does.

    Attributes:
        random_state: Scrambles the sequence. Default: another one for each search.
    """

    random_state: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()

    @property
    def algorithm_name(self) -> str:
        """`sobol`."""
        return "sobol"


@dataclass(frozen=True)
class NSGAII(BaseAlgorithm):
    """A genetic algorithm for several objectives, which finds their Pareto front.

    Attributes:
        random_state: The seed.
        population_size: Trials of a generation, at least 2.
        synchronous: As in `TPE`.
    """

    random_state: int | None = None
    population_size: int = 50
    synchronous: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        check_count("population_size", self.population_size, least=2)

    @property
    def algorithm_name(self) -> str:
        """`nsgaii`."""
        return "nsgaii"


@dataclass(frozen=True)
class Hyperband(BaseAlgorithm):
    """Starts many trials with little of a resource, and lets the best of them go on.

    Katib runs trials anew with more of it. Here a trial that falls behind at a rung is stopped, by what it reports at
    each step; the parameters are drawn by TPE.

    Attributes:
        max_resource: What a full trial uses, such as 27 epochs.
        resource: The hyperparameter that says how much a trial uses, such as `"epochs"`; Katib needs it.
        min_resource: What the shortest trial uses.
        eta: At each rung one of `eta` trials goes on.
        random_state: The seed. Katib's service has none.
    """

    max_resource: int
    resource: str | None = None
    min_resource: int = 1
    eta: int = 3
    random_state: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        if self.resource is not None:
            check_text("resource", self.resource)
        check_count("min_resource", self.min_resource)
        check_count("max_resource", self.max_resource, least=self.min_resource)
        check_count("eta", self.eta, least=2)

    @property
    def algorithm_name(self) -> str:
        """`hyperband`."""
        return "hyperband"


@dataclass(frozen=True)
class PBT(BaseAlgorithm):
    """Population-based training: the worst of a generation go on from checkpoints of the best, with changed parameters.

    A trial finds the checkpoints of its parent in the folder that `KUBEFLOW_CHECKPOINT_DIR` names, and saves its own
    there.

    Attributes:
        population: Trials of a generation, at least 2.
        truncation: The part of a generation that is replaced by as many of the best, above 0, at most 0.5.
        resample: Probability of drawing a parameter anew, in place of changing it by a fifth. Default: never.
        random_state: The seed.
    """

    population: int = 8
    truncation: float = 0.2
    resample: float | None = None
    random_state: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        self._check()
        check_count("population", self.population, least=2)
        if not (is_number(self.truncation) and 0 < self.truncation <= 0.5):
            raise InvalidInput(f"truncation must be a number above 0 and at most 0.5, not {self.truncation!r}.")
        if self.resample is not None and not (is_number(self.resample) and 0 <= self.resample <= 1):
            raise InvalidInput(f"resample is a probability from 0 to 1, not {self.resample!r}.")

    @property
    def algorithm_name(self) -> str:
        """`pbt`."""
        return "pbt"


ALGORITHM_REGISTRY: dict[str, type[BaseAlgorithm]] = {
    "random": RandomSearch,
    "grid": GridSearch,
    "tpe": TPE,
    "multivariate-tpe": TPE,
    "bayesianoptimization": BayesianOptimization,
    "cmaes": CMAES,
    "sobol": Sobol,
    "nsgaii": NSGAII,
    "hyperband": Hyperband,
    "pbt": PBT,
}
"""The algorithms by name."""

thin_all(globals())
