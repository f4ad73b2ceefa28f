"""Being told of the changes of jobs: what `Backend.watching` and `Backend.next_change` do on a cluster."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from urllib.parse import quote

from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.feed import Feed, Pace
from kubeflow.trainer.backends.kubernetes.pods import JOB_LABEL, Pod, pods_path, read_pods
from kubeflow.trainer.backends.kubernetes.wire import Json
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.jobs import TrainJob

View = Callable[[Json, Sequence[Pod] | None], TrainJob]
"""Makes of a TrainJob as the server sends it, and of the pods of that name (`None` if nobody knows), what users see."""

# A job is shown without its pods when these cannot be had although the job itself can.
_PODS_WITHIN = 5.0  # seconds


def jobs_path(namespace: str) -> str:
    """Return the path of the TrainJobs of `namespace`."""
    return f"/apis/{constants.API_VERSION}/namespaces/{quote(namespace, safe='')}/{constants.TRAINJOB_PLURAL}"


class JobFeed:
    """One TrainJob and its pods as they are now: two lists, then two watches, whatever happens in between.

    Nothing is asked before `start`.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        name: The job.
        pace: How often the feeds ask.

    Attributes:
        changed: Guards all that it says, and is notified at each change.
    """

    def __init__(self, transport: Transport, namespace: str, name: str, pace: Pace | None = None) -> None:
        self.changed = threading.Condition()
        own = {"fieldSelector": f"metadata.name={name}"}
        self._job = Feed(transport, jobs_path(namespace), own, self.changed, pace)
        pods = {"labelSelector": f"{JOB_LABEL}={name}"}
        self._pods = Feed(transport, pods_path(namespace), pods, self.changed, pace)
        self._lock = threading.Lock()
        self._started = False
        self._uid = ""
        self._since = 0.0

    def start(self) -> None:
        """Start to follow; does nothing the second time."""
        with self._lock:
            if not self._started:
                self._started = True
                self._since = time.monotonic()
                self._job.start()
                self._pods.start()

    def close(self) -> None:
        """Stop following."""
        self._job.close()
        self._pods.close()

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._job.version + self._pods.version

    @property
    def ready(self) -> bool:
        """Whether the job is known, and its pods as far as they can be."""
        if self._job.error is not None:
            return True
        late = time.monotonic() - self._since > _PODS_WITHIN
        return self._job.ready and (self._pods.ready or self._pods.error is not None or late)

    @property
    def pods_ready(self) -> bool:
        """Whether its pods are known."""
        return self._pods.ready

    @property
    def pods_error(self) -> BaseException | None:
        """Why its pods cannot be followed: a `ClusterError`, or what should never happen."""
        return self._pods.error

    def check(self) -> None:
        """Do nothing as long as the job can be followed, with its pods or without.

        Raises:
            ClusterError: The job cannot be followed; that its pods cannot is no such error.
            BaseException: Whatever else ended one of the two feeds.
        """
        from kubeflow.cluster.errors import ClusterError

        if self._job.error is not None:
            raise self._job.error
        if self._pods.error is not None and not isinstance(self._pods.error, ClusterError):
            raise self._pods.error

    def job(self) -> Json | None:
        """Return the TrainJob, `None` once it is deleted, even if there is another of that name by now.

        Raises:
            ClusterError: It cannot be followed.
        """
        self.check()
        found = dict(self._job.objects)
        if not self._uid and found:
            self._uid = next(iter(found))
        return found.get(self._uid)

    def pods(self) -> list[Pod]:
        """Return its pods as far as they are known, those of earlier attempts too."""
        return read_pods(self._pods.objects.values())

    def wait(self, version: int, timeout: float | None) -> None:
        """Return when `version` is not the present one any more, or after `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version, timeout)


class Watches:
    """The jobs that someone waits for, each followed once however many wait for it.

    Args:
        transport: The cluster.
        namespace: Where the jobs are.
        view: What users see of a job.
        missing: The error for a job that does not exist, given its name.
        pace: How often the feeds ask.
    """

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        view: View,
        missing: Callable[[str], Exception],
        pace: Pace | None = None,
    ) -> None:
        self._transport = transport
        self._namespace = namespace
        self._view = view
        self._missing = missing
        self._pace = pace
        self._lock = threading.Lock()
        self._held: dict[str, tuple[JobFeed, int]] = {}

    @contextlib.contextmanager
    def held(self, name: str) -> Generator[None]:
        """Keep following job `name`, once `next_change` has begun with it, until the context ends."""
        with self._lock:
            feed, users = self._held.get(name) or (JobFeed(self._transport, self._namespace, name, self._pace), 0)
            self._held[name] = feed, users + 1
        try:
            yield
        finally:
            with self._lock:
                feed, users = self._held.pop(name)
                if users > 1:
                    self._held[name] = feed, users - 1
                else:
                    feed.close()

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job as soon as it differs from `seen`, or after `timeout` seconds as far as it is known then.

        A server that cannot be reached for a while changes nothing: it is asked again until the time is up.

        Raises:
            JobNotFound: When it does not exist (any more).
            ClusterError: When it is no use to ask again, as for missing rights.
        """
        deadline = time.monotonic() + timeout
        with self.held(name):
            feed = self._held[name][0]
            feed.start()
            while True:
                with feed.changed:
                    feed.check()
                    version, ready = feed.version, feed.ready
                    job = feed.job() if ready else None
                    pods = feed.pods() if feed.pods_ready else None
                if ready:
                    if job is None:
                        raise self._missing(name)
                    shown = self._view(job, pods)
                    if shown != seen:
                        return shown
                left = deadline - time.monotonic()
                if left <= 0:
                    return seen
                # Pods that do not come are given up after a while, which is no change that a feed could tell of.
                feed.wait(version, left if ready else min(left, 1.0))
