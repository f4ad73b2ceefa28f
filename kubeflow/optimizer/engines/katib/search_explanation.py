"""Why a search of Katib is where it is: what its Suggestion, Trials, pods, events and namespace say about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, in_words, reading
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput, KubeflowError, did_you_mean
from kubeflow.core.stdlib import re
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.katib.experiment_objects import (
    INJECTION_LABEL,
    get_suggestion,
    namespace_label,
    unlabelled,
)
from kubeflow.optimizer.engines.katib.experiment_view import newest_condition
from kubeflow.optimizer.engines.katib.search_events import search_happenings
from kubeflow.optimizer.engines.katib.trial_logs import trial_logs
from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis, Explanation

_SILENT = 60.0  # seconds after which a controller should have taken note of an Experiment
_LINES = 400  # of a trial's log, in which names of metrics are looked for
_EVENTS = 12
_SEARCHING = ("Suggestion", "Experiment")
_METRIC = re.compile(r"([\w./|-]+)\s*[=:]\s*[+-]?(?:\d+\.?\d*|\.\d+)")
_LOOKS_LIKE_NO_METRIC = re.compile(r"[\d.:/-]*")


@dataclass(frozen=True)
class _Found:
    """What was found: `findings` with the most telling first, and `remedies`."""

    findings: list[str]
    remedies: list[str]

    def add(self, finding: str, *remedies: str) -> None:
        self.findings.append(finding)
        self.remedies.extend(remedy for remedy in remedies if remedy not in self.remedies)


def explanation(backend: Backend, connection: Connection, experiment: Json, search: OptimizationJob) -> Explanation:
    """Return why a search is where it is: at most four requests, and those that explain one of its trials.

    Args:
        backend: Where the jobs of trials are.
        connection: The cluster.
        experiment: The Experiment, as the server sent it.
        search: The search, as its users see it.
    """
    found = _Found([], [])
    events = reading(lambda: search_happenings(connection, search.name))
    happened: Sequence[Happening] = events.value if isinstance(events, Found) else ()
    _service(connection, search, happened, found)
    _controller(experiment, search, found)
    label = namespace_label(connection)
    if isinstance(label, Found) and not label.value:
        finding = unlabelled(connection.namespace)
        found.add(f"{finding.what}: {finding.why}", finding.remedy)
    diagnosis = _trial(backend, connection, experiment, search, found)
    lines = [f"Search {search.name!r} is {search.status}{f': {search.reason}' if search.reason else ''}."]
    lines.append(f"  engine katib, {_counts(search)}, made {_clock(search.creation_timestamp)}")
    if (best := search.best_trial) is not None and search.objectives:
        value = search.objectives[0].value(best.metrics)
        lines.append(f"  best {search.objectives[0].metric}={value:g} in {best.name}: {dict(best.parameters)}")
    lines += _section("Findings", [*found.findings, *(f"note: {note}" for note in search.notes)])
    lines += _section("Trials that failed", _failures(search))
    if diagnosis is not None:
        lines += _section(f"Trial {diagnosis.job.name}", str(diagnosis).splitlines()[1:])
    warnings = [event for event in happened if event.warning][-_EVENTS:]
    lines += _section("Warnings", [f"{event.kind} {event.name}: {event.reason}: {event.message}" for event in warnings])
    match events:
        case NotPermitted() | NotServed() | ReadFailed():
            lines += _section("Unseen", [in_words(events, "the events of the namespace")])
        case _:
            pass
    lines += _section("What to try", found.remedies)
    return Explanation("\n".join(lines))


def _service(connection: Connection, search: OptimizationJob, events: Sequence[Happening], found: _Found) -> None:
    if search.status == "Complete":
        return
    match get_suggestion(connection, search.name):
        case Found(suggestion):
            newest = newest_condition(suggestion)
            kind, said = wire.text(newest, "type"), wire.text(newest, "message")
            if kind == "Failed":
                found.add(
                    f"Katib's suggestion service refuses the search: {said}",
                    "Correct the search space or the algorithm's settings, delete the search, and start it again.",
                )
            elif kind in ("", "Created") and not search.trials:
                found.add(
                    "the pod of Katib's suggestion service is not ready yet",
                    f"See its pod: kubectl get pods -n {connection.namespace} -l "
                    f"katib.kubeflow.org/suggestion={search.name}",
                )
        case Absent():
            if not search.trials and search.status == "Running":
                found.add("Katib has not made its suggestion service yet")
        case NotPermitted() | NotServed() | ReadFailed() as unseen:
            found.add(in_words(unseen, "the Suggestion"))
    for event in events:
        if event.warning and event.kind in _SEARCHING and event.reason == "ReconcileError":
            found.add(f"Katib cannot go on: {event.message.removeprefix('Failed to reconcile: ')}")
            break


def _controller(experiment: Json, search: OptimizationJob, found: _Found) -> None:
    if wire.objects(experiment, "status", "conditions"):
        return
    seconds = (datetime.now(UTC) - search.creation_timestamp).total_seconds()
    if seconds > _SILENT:
        found.add(
            f"no controller has taken note of it for {seconds:.0f} s",
            "Ask who runs the cluster whether katib-controller runs.",
        )


def _trial(
    backend: Backend, connection: Connection, experiment: Json, search: OptimizationJob, found: _Found
) -> Diagnosis | None:
    """Look at the most telling trial: one that failed, else the oldest that has not ended."""
    trial = next((each for each in search.trials if each.status == "Failed"), None)
    without_metric = trial is not None and "never reported" in trial.reason
    if trial is None:
        trial = next((each for each in search.trials if each.status in ("Created", "Running")), None)
    if trial is None:
        return None
    if without_metric:
        _names_seen(backend, experiment, search, trial, found)
    kind = wire.text(experiment, "spec", "trialTemplate", "trialSpec", "kind")
    if kind not in ("", "TrainJob"):
        found.add(f"trial {trial.name} is a {kind}, which this package does not look into")
        return None
    _sidecar(connection, experiment, trial, found)
    try:
        diagnosis = backend.diagnose(trial.name)
    except InvalidInput:
        found.add(f"the job of trial {trial.name} is gone")
        return None
    except ClusterError as error:
        found.add(f"the job of trial {trial.name} cannot be seen: {error}")
        return None
    found.remedies.extend(remedy for remedy in diagnosis.remedies if remedy not in found.remedies)
    return diagnosis


def _sidecar(connection: Connection, experiment: Json, trial: Trial, found: _Found) -> None:
    kind = wire.text(experiment, "spec", "metricsCollectorSpec", "collector", "kind") or "StdOut"
    if kind not in ("StdOut", "File"):
        return
    pods = reading(lambda: list_pods(connection.transport, connection.namespace, trial.name))
    if not isinstance(pods, Found) or not pods.value:
        return
    names = {container.name for pod in pods.value for container in pod.containers}
    if names and constants.METRICS_COLLECTOR_CONTAINER not in names:
        found.add(
            f"the pods of trial {trial.name} have no metrics collector, so that Katib never learns of its metrics",
            f"Set the label {INJECTION_LABEL}=enabled of the namespace, delete the search, and start it again.",
        )


def _names_seen(backend: Backend, experiment: Json, search: OptimizationJob, trial: Trial, found: _Found) -> None:
    metric = search.objectives[0].metric if search.objectives else ""
    names: dict[str, None] = {}
    with contextlib.suppress(KubeflowError):
        lines = trial_logs(backend, lambda: (experiment, search), trial.name, False)
        for _, line in zip(range(_LINES), lines, strict=False):
            names |= dict.fromkeys(_metric_names(line))
    printed = list(names)
    if not printed:
        found.add(
            f"trial {trial.name} ended and printed no metric",
            f"Have the train function return {{{metric!r}: value}}, call report({metric}=value), or print "
            f"'{metric}=0.3'.",
        )
        return
    found.add(
        f"trial {trial.name} ended without a finite value of {metric!r}; it printed {', '.join(printed[:8])}",
        f"{did_you_mean(metric, [name for name in printed if name != metric]).strip()} Name the metric as it is "
        f"printed, in Objective(...), or print '{metric}=0.3'.".strip(),
    )


def _metric_names(line: str) -> Iterator[str]:
    for match in _METRIC.finditer(line):
        if not _LOOKS_LIKE_NO_METRIC.fullmatch(match[1]):
            yield match[1]


def _counts(search: OptimizationJob) -> str:
    counts: dict[str, int] = {}
    for trial in search.trials:
        counts[trial.status] = counts.get(trial.status, 0) + 1
    shown = ", ".join(f"{count} {status}" for status, count in counts.items()) or "none made yet"
    return f"trials: {shown}, of {search.trial_config.num_trials}"


def _failures(search: OptimizationJob) -> list[str]:
    failed = [trial for trial in search.trials if trial.status == "Failed"]
    lines = [f"{trial.name}: {trial.reason}" for trial in failed[:5]]
    return [*lines, *([f"and {len(failed) - 5} more"] if len(failed) > 5 else [])]


def _section(title: str, items: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {item}" for item in items)] if items else []


def _clock(time: datetime) -> str:
    return time.astimezone().isoformat(sep=" ", timespec="seconds")
