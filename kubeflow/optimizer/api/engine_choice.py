"""Which engine runs the searches of a client, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, KubeflowError, did_you_mean
from kubeflow.optimizer.engines.engine import Engine
from kubeflow.optimizer.errors import EngineRefuses
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.types.optimization_types import EngineName
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig

EngineWish = Literal["auto"] | EngineName
"""What a client can be told about its engine."""

WISHES: tuple[str, ...] = ("auto", *get_args(EngineName))


@dataclass(frozen=True)
class ChosenEngine:
    """An engine for one search.

    Attributes:
        engine: The engine.
        reason: Why it was chosen, in words.
    """

    engine: Engine
    reason: str

    __repr__ = repr_of_fields


class Engines:
    """The engines that a client can use, each made when it is first needed.

    Args:
        wish: What the user asked for.
        backend: Where jobs run.
        config: The configuration of the backend.

    Raises:
        InvalidInput: There is no such engine, or it does not go with the backend.
    """

    def __init__(self, wish: str, backend: Backend, config: object) -> None:
        if wish not in WISHES:
            raise InvalidInput(f"engine is one of {', '.join(WISHES)}, not {wish!r}.{did_you_mean(str(wish), WISHES)}")
        self._wish = wish
        self._backend = backend
        self._config = config
        self._made: dict[str, Engine] = {}
        if wish in _CLUSTER and not isinstance(config, KubernetesBackendConfig):
            raise InvalidInput(
                f"engine={wish!r} is of a cluster, and jobs of this client run on this machine: leave engine= out, or "
                "give KubernetesBackendConfig()."
            )

    def get(self, name: str) -> Engine:
        """Return one engine by name."""
        if name not in self._made:
            self._made[name] = _MAKE[name](self._backend, self._config)
        return self._made[name]

    @property
    def names(self) -> list[str]:
        """The engines that this client looks for searches in, the first one first."""
        if self._wish != "auto":
            return [self._wish]
        return ["client", *(_CLUSTER if isinstance(self._config, KubernetesBackendConfig) else ())]

    def choose(self, spec: OptimizationSpec) -> ChosenEngine:
        """Return the engine for a search.

        A client that was told which one takes that. Otherwise jobs on this machine are driven by this package; on a
        cluster Katib runs the search where it is installed and can do all of it, and this package drives it where not.

        Raises:
            EngineRefuses: The engine that was asked for cannot run it.
        """
        if self._wish != "auto":
            engine = self.get(self._wish)
            found = engine.findings(spec)
            if found:
                raise EngineRefuses(self._wish, spec.name, found)
            return ChosenEngine(engine, "it was asked for")
        if not isinstance(self._config, KubernetesBackendConfig):
            return ChosenEngine(self.get("client"), "jobs run on this machine")
        try:
            found = self.get("katib").findings(spec)
        except KubeflowError as error:
            return ChosenEngine(self.get("client"), f"Katib cannot be used: {error}")
        if found:
            return ChosenEngine(self.get("client"), f"Katib cannot do it: {'; '.join(str(each) for each in found[:3])}")
        return ChosenEngine(self.get("katib"), "Katib is installed and can do all of it")


def _client(backend: Backend, config: object) -> Engine:
    from kubeflow.optimizer.engines.client.client_engine import ClientEngine

    return ClientEngine(backend, config)


def _katib(backend: Backend, config: object) -> Engine:
    from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
    from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend

    assert isinstance(backend, KubernetesBackend), config
    return KatibEngine(backend)


def _optimizationjob(backend: Backend, config: object) -> Engine:
    from kubeflow.optimizer.engines.optimizationjob.optimizationjob_engine import OptimizationJobEngine
    from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend

    assert isinstance(backend, KubernetesBackend), config
    return OptimizationJobEngine(backend)


_CLUSTER = ("katib", "optimizationjob")
_MAKE: Mapping[str, Callable[[Backend, object], Engine]] = {
    "client": _client,
    "katib": _katib,
    "optimizationjob": _optimizationjob,
}
"""What makes each engine: of the backend, and of its configuration."""
