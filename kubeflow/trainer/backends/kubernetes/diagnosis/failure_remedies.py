"""What to try after a container has failed: by its exit code, its exception and its log. Asks nothing."""

from __future__ import annotations

from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import Failure
from kubeflow.trainer.diagnosis.remedies import remedies


def remedies_of(failure: Failure) -> list[str]:
    """Return what to try after a failure, most promising first."""
    if failure.out_of_memory:
        return ["Raise 'memory' in resources_per_node, or use smaller batches or fewer DataLoader workers."]
    if failure.exit.exit_code in (126, 127) or failure.exit.reason in ("StartError", "ContainerCannotRun"):
        return [
            "Check that the image has the command, and that it can be executed: image= and command= of the trainer."
        ]
    error = failure.error
    words = f"{error}\n{error.traceback}" if error is not None else "\n".join([failure.how, *failure.said])
    found = remedies(words, failure.by_signal if error is None else None, "cluster")
    if not found and error is None:
        return [_read_its_log(failure)]
    if failure.container.name != failure.pod.main:
        return [*found, _read_its_log(failure)]
    return found


def _read_its_log(failure: Failure) -> str:
    container = failure.container.name
    which = "" if container == failure.pod.main else f", container={container!r}"
    return f"Read its log: client.get_job_logs({failure.pod.job!r}, step={failure.pod.step!r}{which})."
