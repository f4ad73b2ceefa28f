"""The log lines of a job's pods: what is there now, or all that comes until the job ends, without loss or repetition.

A log is asked for with the times of its lines, which tell after a break what is new (`line_position.py`); users do not
see them. The lives of a container come one after the other (`container_log.py`); when a pod takes the place of another,
its log follows that of the other. Nothing marks such a seam, as nothing does in the log of a local job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import LogPace, PodLogs, text
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.job_steps import step_names
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods, of_job, step_order
from kubeflow.trainer.backends.kubernetes.jobs.status import runtime_key
from kubeflow.trainer.backends.kubernetes.logs.bookmarks import Bookmarks, Place
from kubeflow.trainer.backends.kubernetes.logs.live_lines import follow as following
from kubeflow.trainer.jobs.steps import no_such_step
from kubeflow.trainer.types.loglines import LogLines


def job_logs(connection: Connection, name: str, step: str | None, follow: bool, after: str | None) -> LogLines:
    """Check the arguments at once, with one request, then yield lines as they come; see `Backend.get_job_logs`.

    A step that neither the job nor its runtime tells of is looked for among the pods, with one request more.
    """
    job = find_job(connection, name)
    return read(
        connection.transport,
        connection.namespace,
        name,
        step=step,
        steps=step_names(job, connection.runtimes.remembered(*runtime_key(job))),
        since=created(job),
        follow=follow,
        after=after,
    )


def read(
    transport: Transport,
    namespace: str,
    name: str,
    *,
    step: str | None,
    steps: Sequence[str],
    since: datetime | None = None,
    follow: bool = False,
    pace: LogPace | None = None,
    after: str | None = None,
) -> LogLines:
    """Check `step` and `after` at once, then yield whole lines without their ends.

    Bytes that are no UTF-8 become replacement characters; of lines longer than 16 KiB, whatever the kubelet makes.
    Closing the iterator ends all its connections and threads.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        name: The job; it exists.
        step: One step, or `None` for all, each line prefixed with its step, as in `[node-1] `.
        steps: The steps that the job has or will have, in order, as its runtime and its number of nodes say. Pods may
            have others: these are read too.
        since: When the job was made: pods from before are of an earlier job of that name.
        follow: Wait for pods and containers, and go on until the job has ended, or the initializer that `step` is.
            Otherwise what is there now.
        pace: How long it waits.
        after: The `position` of an earlier reading, to begin with the line that followed.

    Raises:
        InvalidInput: The job has no such step, or `after` is no position in its logs.
        Forbidden: While iterating: these credentials may not list pods or read their logs.
        ClusterError: While iterating: a log could not be read to its end, however often it was tried.
    """
    if step is not None and step not in steps:
        others = {pod.step for pod in of_job(list_pods(transport, namespace, name), since)}
        if step not in others:
            raise no_such_step(name, step, [*steps, *sorted(others.difference(steps))])
    job = f"{namespace}/{name}@{since.timestamp() if since is not None else 0:.0f}"
    bookmarks = Bookmarks() if after is None else Bookmarks.read(after, job, name)
    source = PodLogs(transport, namespace, pace or LogPace())
    if follow:
        lines = following(source, name, step, steps, since, bookmarks)
    else:
        lines = _present(source, name, step, since, bookmarks)
    return LogLines(lines, lambda: bookmarks.write(job))


def _present(logs: PodLogs, name: str, step: str | None, since: datetime | None, bookmarks: Bookmarks) -> Iterator[str]:
    pods = of_job(list_pods(logs.transport, logs.namespace, name), since)
    try:
        # Stable: pods of one step stay in the order of their attempts.
        for pod in bookmarks.unread(sorted(pods, key=step_order)):
            if step not in (None, pod.step) or not pod.container.has_log:
                continue
            prefix = "" if step is not None else f"[{pod.step}] "
            log = ContainerLog(logs, bookmarks.last(pod))
            for line in log.now(pod):
                bookmarks.note(pod.step, Place.of(pod, log.last))
                yield prefix + text(line)
    finally:
        logs.close()
