"""Feeds of TrainJobs and their pods (list and watch), shared by all waits for one job: `Backend.next_change`."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Sequence

from kubeflow.cluster import wire
from kubeflow.cluster.pods.collection_feed import Feed
from kubeflow.cluster.pods.pod import pods_path
from kubeflow.cluster.pods.pod_hints import PodHints
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Interruption, Refusal, Transport
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.watches.followed_kind import TRAINJOBS, FollowedKind
from kubeflow.trainer.types.jobs import TrainJob

logger = logging.getLogger(__name__)

View = Callable[[Json, Sequence[JobPod] | None], TrainJob]
"""Makes the job that users see, of a TrainJob as the server sends it and its pods (`None` when they are not known)."""

# A job is shown without its pods when these do not come for so long although the job itself does.
_PODS_WITHIN = 5.0  # seconds


class JobFeed:
    """One job and its pods, kept up to date by two lists and two watches.

    Where pods may not be watched, they are listed whenever the job changes or an event is about one of them. No
    request is sent before `start`.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        name: The name of the job.
        pace: How often the feeds send requests.
        kind: What kind of job it is. Default: a TrainJob.

    Attributes:
        changed: Guards all attributes, and is notified at each change.
    """

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        name: str,
        pace: Pace | None = None,
        kind: FollowedKind = TRAINJOBS,
    ) -> None:
        self.changed = threading.Condition()
        self._kind = kind
        own = {"fieldSelector": f"metadata.name={name}"}
        self._job = Feed(transport, kind.path(namespace), own, self.changed, pace, then=self._job_changed)
        pods = {"labelSelector": kind.selector(name)}
        self._pods = Feed(
            transport, pods_path(namespace), pods, self.changed, pace, polled=self._listen, unsettled=self._ending
        )
        self._hints = PodHints(transport, namespace, name, self._pods, pace)
        self._lock = threading.Lock()
        self._started = False
        self._closed = False
        self._uid = ""
        self._since = 0.0

    def start(self) -> bool:
        """Start the feeds. Returns False, and does nothing, from the second call on."""
        with self._lock:
            if self._started:
                return False
            self._started = True
            self._since = time.monotonic()
            self._job.start()
            self._pods.start()
            return True

    def close(self) -> None:
        """End the feeds."""
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
            except RuntimeError as error:  # no more threads: pods are listed at growing intervals
                logger.debug("there are no hints at pods: %s", error)

    def _ending(self) -> bool:
        """True when the job is to be suspended and a pod of it has not ended: no event may tell of its end."""
        suspended = any(wire.at(job, "spec", "suspend") is True for job in self._job.objects)
        return suspended and any(not pod.ended for pod in self.pods())

    def _job_changed(self) -> None:
        if any(self._kind.ended(job) for job in self._job.objects):
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
        """True when the job has been listed, and its pods too unless they cannot be."""
        if self._job.error is not None:
            return True
        return self._job.ready and (self._pods.ready or self._pods.error is not None or self._late)

    @property
    def settled(self) -> bool:
        """True when it is `ready`, and its pods were listed after the end of the job if the job has ended."""
        return self.ready and (not self._pods.outdated or self._pods.error is not None or self._late)

    @property
    def _late(self) -> bool:
        return time.monotonic() - self._since > _PODS_WITHIN

    @property
    def listed(self) -> bool:
        """True when the job has been listed."""
        return self._job.ready

    @property
    def problem(self) -> Refusal | Interruption | None:
        """Why the job cannot be followed for now; `None` while it can be."""
        return self._job.problem

    @property
    def pods_ready(self) -> bool:
        """True when its pods have been listed."""
        return self._pods.ready

    @property
    def pods_error(self) -> BaseException | None:
        """The error that ended the feed of pods: a `ClusterError`, or an unexpected one; `None` while it goes on."""
        return self._pods.error

    def check(self) -> None:
        """Do nothing as long as the job can be followed, with its pods or without.

        Raises:
            ClusterError: The job cannot be followed. Pods that cannot be followed raise nothing.
            BaseException: Any other error that ended one of the two feeds.
        """
        from kubeflow.cluster.errors import ClusterError

        if self._job.error is not None:
            raise self._job.error
        if self._pods.error is not None and not isinstance(self._pods.error, ClusterError):
            raise self._pods.error

    def job(self) -> Json | None:
        """Return the job; `None` once it is deleted, also when another job of that name exists by now.

        Raises:
            ClusterError: The job cannot be followed.
        """
        self.check()
        train_job = next(iter(self._job.objects), wire.NOTHING)
        uid = wire.identity_of(train_job)
        self._uid = self._uid or uid
        return train_job if uid and uid == self._uid else None

    def pods(self) -> list[JobPod]:
        """Return its pods as they were last sent, those of earlier attempts too; none before they were listed."""
        return self._kind.read_pods(self._pods.objects)

    def wait(self, version: int, timeout: float | None) -> None:
        """Return once the present version differs from `version`, or after `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version, timeout)


class Watches:
    """One `JobFeed` for each job that is waited for, shared by all who wait for that job.

    Args:
        transport: The cluster.
        namespace: Where the jobs are.
        view: Makes the job that users see.
        missing: Returns the error for a job that does not exist, given its name.
        pace: How often the feeds send requests.
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
        """Keep the feed of job `name`, once `next_change` has started it, until the context ends."""
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
        """Start the feed of a job within a context of `held`, and return the job as it is now.

        Returns:
            `None` outside of such a context, when the feed has been started before, and when there is no such job.

        Raises:
            ClusterError: The job cannot be listed.
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
                if feed.problem is not None and not feed.listed:
                    raise feed.problem
            feed.wait(version, 1.0)

    def followed(self, name: str) -> Json | None:
        """Return the TrainJob as it was last sent, while a feed follows it without trouble; else `None`."""
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
        """Return the job as soon as it differs from `seen`; after `timeout` seconds, return `seen`.

        While the server cannot be reached, requests are sent again until the time is up.

        Raises:
            JobNotFound: The job does not exist, or not any more.
            ClusterError: Sending the request again is of no use, as with missing rights.
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
                # Pods that do not come are given up after a while. No feed notifies of that: the wait is short.
                feed.wait(version, left if ready else min(left, 1.0))
