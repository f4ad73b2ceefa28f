"""Why a Spark job of a cluster is where it is: what `explain` shows, the error of a failed job, and its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from kubeflow.cluster import wire
from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.pods.exits import how_it_ended
from kubeflow.cluster.readings import Found
from kubeflow.core.errors import KubeflowError
from kubeflow.spark.backends.kubernetes.application_evidence import (
    ApplicationEvidence,
    driver_evidence,
    whole_evidence,
)
from kubeflow.spark.backends.kubernetes.application_lookup import created, find_application, spark_job
from kubeflow.spark.backends.kubernetes.operator_settings import OperatorSettings
from kubeflow.spark.backends.kubernetes.pod_findings import waiting_findings
from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection
from kubeflow.spark.errors import NoSparkJobResult, SparkJobFailed
from kubeflow.spark.jobs.spark_remedies import DEADLINE_REMEDY, spark_remedies
from kubeflow.spark.types.spark_jobs import SparkJobStatus
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.constants import constants
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.diagnosis.remedies import SHOWN_LINES

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome

_UNTOUCHED = 30  # seconds after which an operator that looks has written a state
_TOLD = 5  # executors that are told one by one
_DRIVER_MEMORY = (
    "Give the driver more memory (driver=Driver(resources={'memory': '4Gi'})), and bring less to it: collect() and "
    "toPandas() bring all rows."
)
_EXECUTOR_MEMORY = (
    "Give executors more memory (resources_per_executor={'memory': '8Gi'}), or a larger share outside of the heap "
    "(spark_conf={'spark.executor.memoryOverheadFactor': '0.4'}), which Python workers need; or use more partitions."
)


def explanation(connection: SparkConnection, name: str) -> Explanation:
    """Return why a job is where it is: three requests, one more where its driver failed, or where no operator looks."""
    application = find_application(connection, name)
    evidence = whole_evidence(connection.transport, connection.namespace, application)
    untouched = not evidence.moment.state and not evidence.events and isinstance(evidence.read_events, Found)
    found = [*findings(evidence), *(_untouched(connection, evidence) if untouched else ())]
    return Explanation("\n".join(_lines(evidence, found)))


def failure(connection: SparkConnection, name: str) -> SparkJobFailed:
    """Return, for a job that is `FAILED`, the error that says why: three requests, whatever number of executors."""
    application = find_application(connection, name)
    evidence = driver_evidence(connection.transport, connection.namespace, application, log=True)
    return SparkJobFailed(name, f"{reason(evidence).rstrip('. ')}.", exception=evidence.exception, log=evidence.said)


def outcome(connection: SparkConnection, name: str) -> RankOutcome | None:
    """Return, for a job that has ended, how its driver says it ended: two requests.

    Raises:
        NoSparkJobResult: Its driver is gone, and with it what it left.
        KubeflowError: The pods may not be seen, so that nobody knows.
    """
    application = find_application(connection, name)
    evidence = driver_evidence(connection.transport, connection.namespace, application)
    if not isinstance(evidence.read_pods, Found):
        raise KubeflowError(f"The result of a job is in the status of its driver's pod: {evidence.gaps[0]}")
    if evidence.driver is None:
        raise NoSparkJobResult(name, "the pod of its driver, whose status had it, is gone")
    return evidence.outcome


def reason(evidence: ApplicationEvidence) -> str:
    """Return why a job failed, in words."""
    end, moment = evidence.driver_exit, evidence.moment
    if evidence.overdue is not None:
        return f"its driver was active for longer than {evidence.overdue} s"
    if evidence.logged is not None:
        return evidence.logged.reason
    if evidence.exception is not None:
        return f"its driver raised {evidence.exception}"
    if end is not None and end.exit_code != 0:
        return f"its driver {how_it_ended(end)}"
    if moment.message:
        return moment.message
    return f"{moment.words}, and the operator does not say why"


def findings(evidence: ApplicationEvidence) -> list[Diagnosed]:
    """Return what is worth knowing, most telling first. Asks nothing."""
    found: list[Diagnosed] = []
    status = evidence.moment.status
    if status in (SparkJobStatus.FAILED, SparkJobStatus.RETRYING, SparkJobStatus.UNKNOWN):
        found.append(Diagnosed(reason(evidence), tuple(_remedies(evidence))))
        if evidence.moment.message and evidence.moment.message not in found[0].text:
            found.append(Diagnosed(f"the operator says: {evidence.moment.message}"))
    if status is SparkJobStatus.RETRYING:
        found.append(Diagnosed(evidence.moment.words))
    found += _executors(evidence)
    if status is not SparkJobStatus.COMPLETED:
        alive = [pod for pod in evidence.pods if not pod.ended]
        found += waiting_findings(alive, evidence.events)
        found += _suspended(evidence)
    return list({finding.text: finding for finding in found}.values())


def _remedies(evidence: ApplicationEvidence) -> Iterator[str]:
    end, outcome_ = evidence.driver_exit, evidence.outcome
    error = outcome_.error if outcome_ is not None else None
    words = f"{error}\n{error.traceback}" if error is not None else "\n".join([evidence.moment.message, *evidence.said])
    if end is not None and end.reason == "OOMKilled":
        yield _DRIVER_MEMORY
        return
    if evidence.overdue is not None:
        yield DEADLINE_REMEDY
        return
    if "forbidden" in words.lower() and "serviceaccount" in words.lower():
        yield (
            "The account of the driver lacks rights: name another one with driver=Driver(service_account=...), such as "
            "spark-operator-spark, or ask who runs the cluster for a role in this namespace."
        )
    yield from spark_remedies(words, "cluster")


def _executors(evidence: ApplicationEvidence) -> Iterator[Diagnosed]:
    """Executors that failed, as far as their pods are still there."""
    failed = [(pod, end) for pod in evidence.executors for end in pod.container.exits[-1:] if end.exit_code != 0]
    starved = [pod.step for pod, end in failed if end.reason == "OOMKilled" or end.exit_code == 52]
    if starved:
        shown = ", ".join(starved[:_TOLD]) + (f" and {len(starved) - _TOLD} more" if len(starved) > _TOLD else "")
        yield Diagnosed(f"{shown} ran out of memory", (_EXECUTOR_MEMORY,))
    for pod, end in [(pod, end) for pod, end in failed if pod.step not in starved][:_TOLD]:
        yield Diagnosed(
            f"{pod.step} {how_it_ended(end)}",
            (f"Read its log: client.get_job_logs({evidence.name!r}, role={pod.step!r}).",),
        )


def _suspended(evidence: ApplicationEvidence) -> Iterator[Diagnosed]:
    if evidence.moment.status is not SparkJobStatus.SUSPENDED:
        return
    queue = wire.strings(evidence.application, "metadata", "labels").get(constants.KUEUE_QUEUE_LABEL)
    if queue is not None:
        yield Diagnosed(
            f"it waits in Kueue's queue {queue!r}, which starts it when there is quota",
            (f"See what the queue has: kubectl describe localqueue {queue}.",),
        )
    else:
        yield Diagnosed(
            evidence.moment.words, (f"client.resume_job({evidence.name!r}) starts it anew, from its beginning.",)
        )


def _untouched(connection: SparkConnection, evidence: ApplicationEvidence) -> Iterator[Diagnosed]:
    age = (datetime.now(UTC) - created(evidence.application)).total_seconds()
    if wire.at(evidence.application, "spec", "suspend") is True or age < _UNTOUCHED:
        return
    yield Diagnosed(
        f"no operator has looked at it in {age:.0f} s{_where(connection.settings, connection.namespace)}",
        (
            "Run it in a namespace that the operator watches (KubernetesBackendConfig(namespace=...)), or ask who runs "
            "the cluster to add this one to spark.jobNamespaces, and whether the operator runs.",
        ),
    )


def _where(settings: OperatorSettings, namespace: str) -> str:
    if settings.watches(namespace) is False:
        return f": it watches {', '.join(settings.namespaces or ())}, and not {namespace}"
    return "" if settings.watches(namespace) else f": it may not watch namespace {namespace}"


def _lines(evidence: ApplicationEvidence, found: Sequence[Diagnosed]) -> list[str]:
    job, moment = spark_job(evidence.application), evidence.moment
    status = moment.status.value
    summary = found[0].text if found and moment.status is not SparkJobStatus.COMPLETED else moment.words
    lines = [f"Spark job {job.name!r} is {status}: {summary.rstrip('. ')}."]
    image = wire.text(evidence.application, "spec", "image")
    made = created(evidence.application).astimezone().isoformat(sep=" ", timespec="seconds")
    lines.append(
        f"  {image or 'no image'}, {job.num_executors or 0} executor(s), attempt {max(job.attempts, 1)}, made {made}"
    )
    lines += _section("Pods", _pods(evidence))
    lines += _section("Findings", [*(finding.text for finding in found if finding.text != summary), *evidence.gaps])
    lines += _section("Timeline", _timeline(evidence.events))
    log = evidence.said if moment.status in (SparkJobStatus.FAILED, SparkJobStatus.RETRYING) else []
    lines += _section("Log of the driver", log)
    tries = list(dict.fromkeys(remedy for finding in found for remedy in finding.remedies))
    lines += _section("What to try", tries or ([SHOWN_LINES] if log else []))
    return lines


def _pods(evidence: ApplicationEvidence) -> list[str]:
    lines = [f"driver: {evidence.driver.main_phase} ({evidence.driver.name})"] if evidence.driver is not None else []
    phases: dict[str, list[JobPod]] = {}
    for pod in evidence.executors:
        phases.setdefault(pod.main_phase, []).append(pod)
    for phase, pods in phases.items():
        names = pods[0].step if len(pods) == 1 else f"{len(pods)} executors"
        lines.append(f"{names}: {phase}")
    return lines


def _section(title: str, items: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for item in items for line in item.splitlines() or [""])] if items else []


def _timeline(events: Sequence[Happening]) -> list[str]:
    lines: list[str] = []
    for what, same in groupby(events, key=lambda event: f"{event.name}: {event.reason}: {event.message}"):
        first, *others = same
        clock = first.first.astimezone().isoformat(sep=" ", timespec="seconds")
        lines.append(f"{clock}  {what}{f' ({1 + len(others)} such events)' if others else ''}")
    return lines
