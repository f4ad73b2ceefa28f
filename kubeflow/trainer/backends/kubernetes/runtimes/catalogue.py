"""The runtimes of a cluster, both kinds apart, remembered for a while so that jobs cost no requests for them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping

from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntimes, TrainingRuntimes

from kubeflow.cluster.errors import Forbidden, NotFound
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.runtimes.known_runtimes import KnownRuntime, RuntimeModel, known_runtime
from kubeflow.trainer.errors import RuntimeNotFound
from kubeflow.trainer.jobs.names import runtime_meant
from kubeflow.trainer.runtimes.shipped import default_kind
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind

logger = logging.getLogger(__name__)

Key = tuple[RuntimeKind, str]

# Seconds for which a runtime is taken to be as it was read. Administrators change them rarely, and what matters most
# (does it exist?) is checked again by the control plane.
_FRESH = 60.0


class Catalogue:
    """The runtimes that jobs of one namespace can name. Safe to use from several threads.

    Args:
        transport: The cluster.
        namespace: Where the jobs are, and the runtimes of the kind `TrainingRuntime`.
    """

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._clients: dict[RuntimeKind, ClusterTrainingRuntimes | TrainingRuntimes] = {
            RuntimeKind.CLUSTER_TRAINING_RUNTIME: ClusterTrainingRuntimes(transport),
            RuntimeKind.TRAINING_RUNTIME: TrainingRuntimes(transport, namespace),
        }
        self._lock = threading.Lock()
        self._known: Mapping[Key, KnownRuntime] = {}
        self._read: dict[Key, float] = {}
        self._missed: dict[Key, float] = {}

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        self._lock = threading.Lock()

    def load(self) -> list[KnownRuntime]:
        """Read all runtimes, those of the cluster first, and return them: two requests.

        A kind that these credentials may not list is left out, with a line in the log.

        Raises:
            ControlPlaneMissing: The cluster does not serve the kinds.
            Forbidden: These credentials may list neither kind.
        """
        found: list[KnownRuntime] = []
        refused: list[Forbidden] = []
        for kind in RuntimeKind:
            try:
                found += self._list(kind)
            except Forbidden as error:
                refused.append(error)
                logger.info("runtimes that cannot be listed are not known by name: %s", error)
        if len(refused) == len(RuntimeKind):
            raise refused[0]
        return found

    def reload(self, kind: RuntimeKind) -> None:
        """Read the runtimes of one kind anew, if these credentials may."""
        with contextlib.suppress(Forbidden):
            self._list(kind)

    def named(self, name: str) -> KnownRuntime:
        """Return the runtime that `name` means: no request for one that was read lately, else one or two.

        Names need not be exact: see `names.runtime_meant`.

        Where both kinds have the name, the kind of `DEFAULT_TRAINER_RUNTIME_KIND` is meant.

        Raises:
            RuntimeNotFound: With the names that exist.
        """
        preferred = default_kind()
        kinds = sorted(RuntimeKind, key=lambda kind: kind is not preferred)
        for kind in kinds:
            if (known := self._lately((kind, name))) is not None:
                return known
        refused: Forbidden | None = None
        for kind in kinds:
            try:
                if (known := self._get((kind, name))) is not None:
                    return known
            except Forbidden as error:
                refused = error
        available = [known.runtime.name for known in self.load()]
        if (meant := runtime_meant(name, available)) is not None:
            return next(self._known[kind, meant] for kind in kinds if (kind, meant) in self._known)
        if refused is not None:
            raise refused
        raise RuntimeNotFound(name, available)

    def of(self, kind: RuntimeKind, name: str) -> KnownRuntime | None:
        """Return the runtime of this kind and name: at most one request; `None` when it does not exist."""
        return self._lately((kind, name)) or self._get((kind, name))

    def remembered(self, kind: RuntimeKind | None, name: str) -> KnownRuntime | None:
        """Return a runtime as it was last read, whenever that was; `None` when it never was. Sends no request."""
        return self._known.get((kind, name)) if kind is not None else None

    def heard_of(self, kind: RuntimeKind, name: str) -> bool:
        """Return whether such a runtime is known, or this was asked in the last minute; sends no request.

        So a runtime that does not exist (any more) is not looked for with each listing.
        """
        key, now = (kind, name), time.monotonic()
        with self._lock:
            heard = key in self._known or now - self._missed.get(key, float("-inf")) < _FRESH
            if not heard:
                self._missed[key] = now
            return heard

    def _lately(self, key: Key) -> KnownRuntime | None:
        with self._lock:
            fresh = time.monotonic() - self._read.get(key, float("-inf")) < _FRESH
            return self._known.get(key) if fresh else None

    def _list(self, kind: RuntimeKind) -> list[KnownRuntime]:
        models: Iterable[RuntimeModel] = self._clients[kind].list()
        found = [known_runtime(model) for model in models]
        with self._lock:
            kept = {key: known for key, known in self._known.items() if key[0] is not kind}
            self._known = {**kept, **{_key(known.runtime): known for known in found}}
            self._read |= dict.fromkeys((_key(known.runtime) for known in found), time.monotonic())
        return found

    def _get(self, key: Key) -> KnownRuntime | None:
        kind, name = key
        try:
            known = known_runtime(self._clients[kind].get(name))
        except (NotFound, InvalidInput):  # or a name that no object can have
            with self._lock:
                self._known = {other: value for other, value in self._known.items() if other != key}
            return None
        with self._lock:
            self._known = {**self._known, key: known}
            self._read[key] = time.monotonic()
        return known


def _key(runtime: Runtime) -> Key:
    return runtime.kind, runtime.name
