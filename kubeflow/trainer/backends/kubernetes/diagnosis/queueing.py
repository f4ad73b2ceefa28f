"""Why a job is not started, or not here: suspension, Kueue and MultiKueue. Rules over evidence; asks nothing."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow.cluster import wire
from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed
from kubeflow.cluster.wire import Json
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence

_ASK_KUEUE = "kubectl get workloads"


def run_elsewhere(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield that MultiKueue runs the job on another cluster."""
    if not evidence.elsewhere or (evidence.suspended and not evidence.ended):
        return
    workload = evidence.workload.value if isinstance(evidence.workload, Found) else wire.NOTHING
    worker = wire.text(workload, "status", "clusterName")
    where = f"the cluster {worker!r}" if worker else "another cluster"
    verb = "ran" if evidence.ended else "runs"
    yield Diagnosed(
        f"MultiKueue {verb} it on {where}: its pods, their logs and events are there",
        (
            f"Look at it there: TrainerClient(KubernetesBackendConfig(context=...)) with the context of {where}"
            + ("." if worker else ", which its workload names: kubectl get workloads -o yaml."),
        ),
    )


def queued(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield what a job waits for in a queue of Kueue."""
    if not (evidence.suspended and evidence.queue) or _running(evidence):
        return
    waits = f"it waits in Kueue's queue {evidence.queue!r}"
    said = _last_words(evidence)
    match evidence.workload:
        case Found(workload) if workload:
            yield _by_workload(workload, waits)
        case Found() | Absent() if said:
            yield Diagnosed(f"{waits}, and Kueue's workload of it is gone{said}", (f"Ask Kueue: {_ASK_KUEUE}.",))
        case Found() | Absent():
            yield Diagnosed(
                f"{waits}, and Kueue has made no workload of it",
                (
                    f"Check that the queue exists: kubectl get localqueue {evidence.queue}. If it does, ask who runs "
                    "the cluster whether Kueue manages TrainJobs, and this namespace.",
                ),
            )
        case NotServed() if not said:
            yield Diagnosed(
                f"it names Kueue's queue {evidence.queue!r}, and Kueue is not installed in this cluster, so that "
                "nobody starts it",
                (
                    f"Start it without a queue: client.resume_job({evidence.name!r}); leave Queue() out of the next "
                    "jobs, or have Kueue installed.",
                ),
            )
        case NotServed():
            yield Diagnosed(f"{waits}; this SDK does not know the version of Kueue{said}", (f"Ask: {_ASK_KUEUE}.",))
        case NotPermitted():
            yield Diagnosed(
                f"{waits}; these credentials may not see what Kueue has made of it{said}",
                ("Ask for the right to list workloads.kueue.x-k8s.io, or who runs the queue.",),
            )
        case ReadFailed() | None:
            yield Diagnosed(f"{waits}; what Kueue has made of it could not be read{said}", ("Ask again later.",))


def _by_workload(workload: Json, waits: str) -> Diagnosed:
    for kind in ("QuotaReserved", "Admitted"):
        refused = wire.condition(workload, kind, "False")
        if refused:
            said = wire.text(refused, "message") or wire.text(refused, "reason")
            return Diagnosed(
                f"{waits}: {said}", ("Wait for other jobs of the queue to end, ask for less, or choose another queue.",)
            )
    if evicted := wire.condition(workload, "Evicted"):
        return Diagnosed(f"Kueue took it off the cluster: {wire.text(evicted, 'message')}", ("It is queued again.",))
    if wire.condition(workload, "Admitted"):
        return Diagnosed("Kueue has admitted it, and is about to start it")
    return Diagnosed(waits, ("Wait for other jobs of the queue to end.",))


def _last_words(evidence: Evidence) -> str:
    """Return what the last event about its workload says, to stand after a finding; empty without one."""
    events = [event for event in evidence.events if event.kind == "Workload"]
    return f"; its last event says {events[-1].reason}: {events[-1].message}" if events else ""


def suspended(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield that a job is suspended, or is to be and still runs."""
    if not evidence.suspended or evidence.ended:
        return
    running = _running(evidence)
    if not running:
        if not evidence.queue:
            yield Diagnosed("it is suspended", (f"client.resume_job({evidence.name!r}) starts it anew.",))
        return
    ending = [name for name, deleting in running.items() if deleting]
    others = [name for name, deleting in running.items() if not deleting]
    if others:
        yield Diagnosed(
            f"it is to be suspended, and {', '.join(others)} {'goes' if len(others) == 1 else 'go'} on",
            (f"To have its machines now, delete it: client.delete_job({evidence.name!r}).",),
        )
    else:
        yield Diagnosed(f"it is being suspended: {', '.join(ending)} {'is' if len(ending) == 1 else 'are'} ending")


def _running(evidence: Evidence) -> dict[str, bool]:
    """Return the steps whose pods have not ended, each with True when its pod is being deleted."""
    return {pod.step: pod.deleting for pod in evidence.current if not pod.ended}
