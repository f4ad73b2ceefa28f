"""Being told of the changes of jobs: what `Backend.watching` and `Backend.next_change` do on a cluster."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence
from urllib.parse import quote

from kubeflow.cluster import wire
from kubeflow.cluster.pods.collection_feed import Feed
from kubeflow.cluster.pods.pod import pods_path
from kubeflow.cluster.pods.pod_hints import PodHints
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Interruption, Refusal, Transport
from kubeflow.trainer.backends.kubernetes.jobs.pods import JOB_LABEL, JobPod, read_pods
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.jobs import TrainJob

logger = logging.getLogger(__name__)

View = Callable[[Json, Sequence[JobPod] | None], TrainJob]
"""Makes of a TrainJob as the server sends it, and of the pods of that name (`None` if nobody knows), what users see."""

# A job is shown without its pods when these cannot be had although the job itself can.
_PODS_WITHIN = 5.0  # seconds
_ENDED = ("Complete", "Failed")


def jobs_path(namespace: str) -> str:
    """Return the path of the TrainJobs of `namespace`."""
    return f"/apis/{constants.API_VERSION}/namespaces/{quote(namespace, safe='')}/{constants.TRAINJOB_PLURAL}"


class JobFeed:
    """One TrainJob and its pods as they are now: two lists, then two watches, whatever happens in between.

    Where pods may not be watched they are listed whenever the TrainJob changes or an event is about one of them.
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
        self._job = Feed(transport, jobs_path(namespace), own, self.changed, pace, then=self._job_changed)
        pods = {"labelSelector": f"{JOB_LABEL}={name}"}
        self._pods = Feed(transport, pods_path(namespace), pods, self.changed, pace, polled=self._listen)
        self._hints = PodHints(transport, namespace, name, self._pods, pace)
        self._lock = threading.Lock()
        self._started = False
        self._closed = False
        self._uid = ""
        self._since = 0.0

    def start(self) -> bool:
        """Start to follow; return False, and do nothing, the second time."""
        with self._lock:
            if self._started:
                return False
            self._started = True
            self._since = time.monotonic()
            self._job.start()
            self._pods.start()
            return True

    def close(self) -> None:
        """Stop following."""
        with self._lock:
            self._closed = True
        self._job.close()
        self._pods.close()
        self._hints.close()

    def _listen(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                self._hints.start()
            except RuntimeError as error:  # no more threads: looks come by themselves then
                logger.debug("there are no hints at pods: %s", error)

    def _job_changed(self) -> None:
        if any(ended(job) for job in self._job.objects):
            self._since = time.monotonic()
            self._pods.look()
        else:
            self._pods.hint()

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._job.version + self._pods.version

    @property
    def ready(self) -> bool:
        """Whether the job is known, and its pods as far as they can be."""
        if self._job.error is not None:
            return True
        return self._job.ready and (self._pods.ready or self._pods.error is not None or self._late)

    @property
    def settled(self) -> bool:
        """Whether it is `ready`, and its pods, once the job has ended, are known as they are since then."""
        return self.ready and (not self._pods.outdated or self._pods.error is not None or self._late)

    @property
    def _late(self) -> bool:
        return time.monotonic() - self._since > _PODS_WITHIN

    @property
    def problem(self) -> Refusal | Interruption | None:
        """Why the job cannot be followed for now; `None` while all is well."""
        return self._job.problem

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
        found = next(iter(self._job.objects), wire.NOTHING)
        uid = wire.identity_of(found)
        self._uid = self._uid or uid
        return found if uid and uid == self._uid else None

    def pods(self) -> list[JobPod]:
        """Return its pods as far as they are known, those of earlier attempts too."""
        return read_pods(self._pods.objects)

    def wait(self, version: int, timeout: float | None) -> None:
        """Return when `version` is not the present one any more, or after `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version, timeout)


def ended(job: Json) -> bool:
    """Return whether the control plane says of a TrainJob that it has ended."""
    return any(wire.condition(job, kind) for kind in _ENDED)


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

    def first(self, name: str) -> TrainJob | None:
        """Return the job as it is now, when nothing is known of it yet, and go on following it; else `None`.

        That is in a context of `held`, before `next_change` has begun with it. `None` also when there is no such job.

        Raises:
            ClusterError: It cannot be had.
        """
        with self._lock:
            feed, _ = self._held.get(name) or (None, 0)
        if feed is None or not feed.start():
            return None
        while True:
            with feed.changed:
                feed.check()
                version = feed.version
                if feed.settled:
                    return self._shown(feed)
                if feed.problem is not None:
                    raise feed.problem
            feed.wait(version, 1.0)

    def followed(self, name: str) -> Json | None:
        """Return the TrainJob as it was told of last, while it is followed and the server can be asked; else `None`."""
        with self._lock:
            feed, _ = self._held.get(name) or (None, 0)
        if feed is None:
            return None
        with feed.changed:
            return feed.job() if feed.ready and feed.problem is None else None

    def _shown(self, feed: JobFeed) -> TrainJob | None:
        job = feed.job()
        return None if job is None else self._view(job, feed.pods() if feed.pods_ready else None)

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
                    version, ready = feed.version, feed.settled
                    shown = self._shown(feed) if ready else None
                if ready:
                    if shown is None:
                        raise self._missing(name)
                    if shown != seen:
                        return shown
                left = deadline - time.monotonic()
                if left <= 0:
                    return seen
                # Pods that do not come are given up after a while, which is no change that a feed could tell of.
                feed.wait(version, left if ready else min(left, 1.0))
