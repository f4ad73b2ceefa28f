"""The log lines of a TrainJob's pods: those that there are now, or all until the job ends, without loss or repetition.

Every log is requested with `timestamps=true`; users do not see the times. After a break they tell which lines are new
(`line_position.py`). The lives of a container follow one another (`container_log.py`). The log of a pod that replaces
another follows that of the other pod. No line marks such a seam, as none does in the log of a local job.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.errors import ClusterError
from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import LogPace, PodLogs, refused, text
from kubeflow.cluster.wire import only
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods, of_job, step_order
from kubeflow.trainer.backends.kubernetes.jobs.status import managed_elsewhere, steps_expected
from kubeflow.trainer.backends.kubernetes.jobs.views import known_runtime_of
from kubeflow.trainer.backends.kubernetes.logs.bookmarks import Bookmarks, Place
from kubeflow.trainer.backends.kubernetes.logs.live_lines import live_lines
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines


def job_logs(connection: Connection, name: str, selection: LogSelection, follow: bool) -> LogLines:
    """Check the arguments at once, with one request, then yield lines as they come; see `Backend.get_job_logs`.

    A container, and a step that neither the job nor its runtime names, are looked for among the pods: a request more.
    So is a runtime that is not known yet, and without one the pods say which steps there are. So are the pods of a job
    that MultiKueue is to run on another cluster.

    Raises:
        Unsupported: For a job that is run on another cluster.
    """
    job = find_job(connection, name)
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    if managed_elsewhere(only(str, spec and spec.managed_by)):
        _check_runs_here(connection, name, created(job))
    expected = steps_expected(job, known_runtime_of(connection, job))
    logged = LoggedJob(
        connection.transport,
        connection.namespace,
        name,
        [step.name for step in expected.steps],
        created(job),
        container=selection.container,
        first_node=expected.first_node,
        guessed=expected.guessed,
    )
    return read(logged, selection, follow=follow)


def _check_runs_here(connection: Connection, name: str, since: datetime) -> None:
    """Refuse a job of MultiKueue without pods here. Trainer before 2.3 runs such a job here all the same."""
    if of_job(list_pods(connection.transport, connection.namespace, name), since):
        return
    if connection.minor in ("2.0", "2.1", "2.2"):
        return
    raise Unsupported(
        f"MultiKueue runs TrainJob {name!r} on another cluster, and its logs are there: read them with "
        "TrainerClient(KubernetesBackendConfig(context=...)) for that cluster. Its workload names the cluster: "
        "kubectl get workloads -o yaml."
    )


def read(job: LoggedJob, selection: LogSelection, *, follow: bool = False, pace: LogPace | None = None) -> LogLines:
    """Check the selection at once, then yield whole lines without their ends.

    Bytes that are no UTF-8 become replacement characters. Lines longer than 16 KiB come in the pieces that the kubelet
    makes of them. Closing the iterator ends all its connections and threads.

    Args:
        job: The job; it exists.
        selection: Which lines. Of all steps, each line is prefixed with its step, as in `[node-1] `.
        follow: True waits for pods and containers, and goes on until the job has ended, or the initializer that `step`
            names. False reads the lines that there are now.
        pace: How long reading waits.

    Raises:
        InvalidInput: The job has no such step or container, or `after` is no position in its logs.
        Forbidden: While iterating: these credentials may not list pods or read their logs.
        ClusterError: While iterating: a log could not be read to its end. Without `follow`, requests fail for half a
            minute at most, all pods together; the lines of the other pods come before the error.
    """
    selection = job.checked(selection)
    bookmarks = Bookmarks() if selection.after is None else Bookmarks.read(selection.after, job)
    logs = PodLogs(job.transport, job.namespace, pace or LogPace())
    reading = live_lines if follow else _present_lines
    return LogLines(reading(job, logs, selection, bookmarks), lambda: bookmarks.write(job))


def _present_lines(job: LoggedJob, logs: PodLogs, selection: LogSelection, bookmarks: Bookmarks) -> Iterator[str]:
    """Yield the lines that there are now. A log that cannot be read stops no other, and its error comes at the end."""
    patience = logs.patience(logs.pace.present)
    failure: ClusterError | None = None
    try:
        # Stable: pods of one step stay in the order of their attempts.
        pods = [pod for pod in sorted(job.list_pods(), key=step_order) if pod.container.has_log]
        if selection.tail_lines is not None:
            pods = list({pod.step: pod for pod in pods}.values())  # the newest of each step
        for pod in bookmarks.unread(pods):
            if selection.step not in (None, pod.step):
                continue
            prefix = "" if selection.step is not None else f"[{pod.step}] "
            log = ContainerLog(logs, bookmarks.last(pod), patience, tail=selection.tail_lines, since=selection.since)
            try:
                for line in log.now(pod):
                    bookmarks.note(pod.step, Place.of(pod, log.last))
                    yield prefix + text(line)
            except ClusterError as error:
                failure = failure or error
                if refused(error):
                    break
        if failure is not None:
            raise failure
    finally:
        logs.close()
