"""The runtimes of a cluster, both kinds apart, remembered for a while so that jobs cost no requests for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntimes, TrainingRuntimes

from kubeflow.cluster.errors import ControlPlaneMissing, Forbidden, NotFound
from kubeflow.cluster.readings import (
    Absent,
    Found,
    NotPermitted,
    NotServed,
    ReadFailed,
    Reading,
    Unseen,
    in_words,
    reading,
    served_versions,
)
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Transport
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import RuntimeNotFound
from kubeflow.trainer.jobs.names import runtime_meant
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime, RuntimeModel, known_runtime
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
        self._transport = transport
        self._unlisted = ""
        self._clients: dict[RuntimeKind, ClusterTrainingRuntimes | TrainingRuntimes] = {
            RuntimeKind.CLUSTER_TRAINING_RUNTIME: ClusterTrainingRuntimes(transport),
            RuntimeKind.TRAINING_RUNTIME: TrainingRuntimes(transport, namespace),
        }
        self._lock = threading.Lock()
        self._known: Mapping[Key, KnownRuntime] = {}
        self._read: dict[Key, float] = {}
        self._unknown: dict[Key, tuple[float, Absent | Unseen]] = {}

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        self._lock = threading.Lock()

    def load(self) -> list[KnownRuntime]:
        """Read all runtimes, those of the cluster first, and return them: two requests.

        A kind that these credentials may not list is left out, with a line in the log.

        Raises:
            ControlPlaneMissing: The cluster does not serve the kinds: one request more to those who may list neither.
            Forbidden: These credentials may list neither kind.
        """
        found: list[KnownRuntime] = []
        refused: list[Forbidden] = []
        self._unlisted = ""
        for kind in RuntimeKind:
            try:
                found += self._list(kind)
            except Forbidden as error:
                refused.append(error)
                self._unlisted = in_words(NotPermitted(error.server_message), f"the runtimes of kind {kind.value}")
                logger.info("%s", self._unlisted)
        if len(refused) == len(RuntimeKind):
            served = served_versions(self._transport, constants.GROUP)
            if isinstance(served, NotServed):  # to those without rights a server refuses what it does not have, too
                raise ControlPlaneMissing(f"Kubeflow Trainer is not installed in this cluster: {served.message}")
            raise refused[0]
        return found

    @property
    def unlisted(self) -> str:
        """What the last `load` could not list, in words; empty when it has listed all."""
        return self._unlisted

    def reload(self, kind: RuntimeKind) -> Absent | Unseen:
        """Read the runtimes of one kind anew, and return why one that is not known since then is not known."""
        listed = reading(lambda: self._list(kind))
        return Absent() if isinstance(listed, Found) else listed

    def note(self, kind: RuntimeKind, name: str, problem: Absent | Unseen) -> None:
        """Note why a runtime is not known, unless it is."""
        with self._lock:
            self._unknown[kind, name] = time.monotonic(), problem

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
        raise RuntimeNotFound(name, available, unseen=self._unlisted)

    def of(self, kind: RuntimeKind, name: str) -> KnownRuntime | None:
        """Return the runtime of this kind and name: at most one request; `None` when it does not exist."""
        return self._lately((kind, name)) or self._get((kind, name))

    def look(self, kind: RuntimeKind, name: str, *, within: float = _FRESH) -> Reading[KnownRuntime]:
        """Return what comes of reading a runtime: at most one request, none if it was read in the last seconds.

        Args:
            kind: Its kind.
            name: Its name.
            within: How many seconds.
        """
        key, now = (kind, name), time.monotonic()
        with self._lock:
            known, (noted, problem) = self._known.get(key), self._unknown.get(key, (float("-inf"), None))
            if known is not None and now - self._read.get(key, float("-inf")) < within:
                return Found(known)
            if known is None and problem is not None and now - noted < within:
                return problem
        read = reading(lambda: self._get(key))
        match read:
            case Found(found):
                return Absent() if found is None else Found(found)
            case Absent():
                return read
            case NotPermitted() | NotServed() | ReadFailed():
                with self._lock:
                    self._unknown[key] = time.monotonic(), read
                return read

    def remembered(self, kind: RuntimeKind | None, name: str) -> KnownRuntime | None:
        """Return a runtime as it was last read, whenever that was; `None` when it never was. Sends no request."""
        return self._known.get((kind, name)) if kind is not None else None

    def problem(self, kind: RuntimeKind | None, name: str) -> Absent | Unseen | None:
        """Return why a runtime is not known, as it was last found; `None` when nobody has looked for it."""
        if kind is None or (kind, name) in self._known:
            return None
        return self._unknown.get((kind, name), (0.0, None))[1]

    def heard_of(self, kind: RuntimeKind, name: str) -> bool:
        """Return whether such a runtime is known, or was looked for in the last minute; sends no request.

        So a runtime that does not exist (any more) is not looked for with each listing.
        """
        key = kind, name
        with self._lock:
            noted, _ = self._unknown.get(key, (float("-inf"), None))
            return key in self._known or time.monotonic() - noted < _FRESH

    def _lately(self, key: Key) -> KnownRuntime | None:
        with self._lock:
            fresh = time.monotonic() - self._read.get(key, float("-inf")) < _FRESH
            return self._known.get(key) if fresh else None

    def _list(self, kind: RuntimeKind) -> list[KnownRuntime]:
        models: Iterable[RuntimeModel] = self._clients[kind].list()
        found = [known_runtime(model) for model in models]
        listed, now = {_key(known.runtime): known for known in found}, time.monotonic()
        with self._lock:
            others = {key: known for key, known in self._known.items() if key[0] is not kind}
            gone = [key for key in (*self._known, *self._unknown) if key[0] is kind and key not in listed]
            self._known = {**others, **listed}
            self._read |= dict.fromkeys(listed, now)
            self._unknown |= dict.fromkeys(gone, (now, Absent()))
        return found

    def _get(self, key: Key) -> KnownRuntime | None:
        kind, name = key
        try:
            known = known_runtime(self._clients[kind].get(name))
        except (NotFound, InvalidInput):  # or a name that no object can have
            with self._lock:
                self._known = {other: value for other, value in self._known.items() if other != key}
                self._unknown[key] = time.monotonic(), Absent()
            return None
        with self._lock:
            self._known = {**self._known, key: known}
            self._read[key] = time.monotonic()
        return known


def _key(runtime: Runtime) -> Key:
    return runtime.kind, runtime.name
