"""What the backends of all clients have in common on a cluster: a connection or none, and watches made when needed."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from kubeflow.core import forks
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.errors import Unsupported

if TYPE_CHECKING:
    from kubeflow.trainer.backends.kubernetes.connection.connection import Wrap


class Connected(Protocol):
    """A connection to a cluster."""

    @property
    def cluster(self) -> object:
        """The cluster; as text, it in words."""
        ...

    @property
    def namespace(self) -> str:
        """Where the objects are."""
        ...

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        ...


ConnectionT = TypeVar("ConnectionT", bound=Connected)
WatchesT = TypeVar("WatchesT")


class ClusterBackend(ABC, Generic[ConnectionT, WatchesT]):
    """A backend that is connected from its making on, unless it is offline. It can be pickled, and outlives a fork.

    Attributes:
        OFFLINE: What to do instead of what an offline backend cannot: the end of a sentence.

    Args:
        config: Where the cluster is; with `offline=True` no cluster is asked.
        wrap: Put between this backend and its cluster, such as a count of requests.
        further: What else the class that derives from this one is made of, in order.
    """

    OFFLINE: ClassVar[str]

    def __init__(self, config: KubernetesBackendConfig, wrap: Wrap | None = None, *further: object) -> None:
        self._made_of = (config, wrap, *further)
        self._config = config
        self._watches: WatchesT | None = None
        self._making_watches = threading.Lock()
        self._connection: ConnectionT | None = None if config.offline else self._connect(config, wrap)
        forks.tell(self)

    @abstractmethod
    def _connect(self, config: KubernetesBackendConfig, wrap: Wrap | None) -> ConnectionT:
        """Return a connection that has shown that the cluster can be used."""

    @abstractmethod
    def _new_watches(self, connection: ConnectionT) -> WatchesT:
        """Return what those who wait share."""

    def after_fork(self) -> None:
        """Neither wait for threads nor for locks that the parent process has kept; called in the child."""
        self._making_watches = threading.Lock()
        self._watches = None
        if self._connection is not None:
            self._connection.after_fork()

    def __reduce__(self) -> tuple[object, ...]:
        """Let another process have this backend: it connects anew there, with the files that are there."""
        return type(self), self._made_of

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'offline' if self._connection is None else self._connection.cluster})"

    @property
    def namespace(self) -> str | None:
        """The namespace of the configuration, else that of the kubeconfig's context."""
        return self._config.namespace if self._connection is None else self._connection.namespace

    @property
    def same_python(self) -> bool:
        """False: which Python an image has is known in the pod alone."""
        return False

    def _shared_watches(self, doing: str) -> WatchesT:
        connection = self._online(doing)
        with self._making_watches:
            if self._watches is None:
                self._watches = self._new_watches(connection)
            return self._watches

    def _online(self, what: str) -> ConnectionT:
        if self._connection is None:
            raise Unsupported(
                f"This client is offline (KubernetesBackendConfig(offline=True)), so {what} is not possible. Leave "
                f"offline= out to use the cluster of your kubeconfig, {self.OFFLINE}"
            )
        return self._connection
