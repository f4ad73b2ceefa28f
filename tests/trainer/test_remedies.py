"""What to try after a failure is one table: a local job and a job of a cluster answer the same words alike."""

from __future__ import annotations

import json
import signal

import pytest

from kubeflow.cluster.readings import Found
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.jobs.pods import read_pods
from kubeflow.trainer.backends.machine.failure import MachineFailure
from kubeflow.trainer.backends.machine.local_explanation import failure_remedies
from kubeflow.trainer.diagnosis.remedies import REMEDIES, Remedy

UNKNOWN_TO_THE_TABLE = "ValueError: the learning rate is negative"
every_remedy = pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.example)


def on_this_machine(*log_lines: str, exit_code: int = 1) -> list[str]:
    """The remedies of a local job whose rank wrote `log_lines`."""
    return failure_remedies(MachineFailure("rank 0 (node-0) failed.", "node-0", 0, exit_code, None, log_lines))


def on_a_cluster(*log_lines: str, exit_code: int = 1, message: str = "") -> list[str]:
    """The remedies of a cluster's job whose only container ended with `exit_code` after it wrote `log_lines`."""
    ended = {"terminated": {"exitCode": exit_code, "reason": "Error", "message": message}}
    pod = {
        "metadata": {
            "name": "a-node-0-0-abcde",
            "uid": "1",
            "labels": {"jobset.sigs.k8s.io/jobset-name": "a", "jobset.sigs.k8s.io/replicatedjob-name": "node"},
        },
        "spec": {"nodeName": "machine-1", "containers": [{"name": "node"}]},
        "status": {"phase": "Failed", "containerStatuses": [{"name": "node", "state": ended}]},
    }
    evidence = Evidence({}, Found(read_pods([pod])), read_logs={("1", "node"): Found([*log_lines])})
    return [remedy for finding in findings(evidence) for remedy in finding.remedies]


def raised(message: str) -> str:
    """The termination message of a rank whose function raised."""
    error = {"type": "RuntimeError", "message": message, "traceback": f"RuntimeError: {message}", "frames": []}
    return json.dumps({"version": 1, "status": "failed", "rank": 0, "attempt": 0, "error": error})


@every_remedy
def test_both_backends_know_the_remedy_for_a_log_line(remedy: Remedy) -> None:
    lines = ("epoch 1", remedy.example)
    assert remedy.text(remedy.example, "machine") in on_this_machine(*lines)
    assert remedy.text(remedy.example, "cluster") in on_a_cluster(*lines)


@every_remedy
def test_a_cluster_knows_the_remedy_for_an_exception_without_a_log(remedy: Remedy) -> None:
    assert on_a_cluster(message=raised(remedy.example)) == [remedy.text(remedy.example, "cluster")]


@pytest.mark.parametrize(
    "words",
    [
        "MemoryError",
        "OSError: [Errno 98] Address already in use",
        "[c10d] The server socket has failed to listen on any local network address: EADDRINUSE",
        "Bus error (core dumped)",
        "sqlite3.OperationalError: database or disk is full",
        "ModuleNotFoundError: No module named 'einops.layers'",
        "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_words_that_one_backend_explains_the_other_explains_too(words: str) -> None:
    assert on_this_machine(words) != on_this_machine(UNKNOWN_TO_THE_TABLE)
    assert on_a_cluster(words) != on_a_cluster(UNKNOWN_TO_THE_TABLE)


@pytest.mark.parametrize(
    "words",
    [
        "ModuleNotFoundError: No module named 'einops'",
        "/usr/bin/python: No module named einops",
        "ModuleNotFoundError: einops",
    ],
)
def test_the_module_that_is_missing_is_named(words: str) -> None:
    for remedies in (on_this_machine(words), on_a_cluster(words), on_a_cluster(message=raised(words))):
        assert remedies[0].startswith("Name the package that has module einops in packages_to_install=[...]")


@pytest.mark.parametrize("crash", [signal.SIGSEGV, signal.SIGILL, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS])
def test_both_backends_say_how_to_find_a_crash_in_native_code(crash: signal.Signals) -> None:
    (here,) = [text for text in on_this_machine(exit_code=-crash) if "PYTHONFAULTHANDLER" in text]
    (there,) = [text for text in on_a_cluster(exit_code=128 + crash) if "PYTHONFAULTHANDLER" in text]
    assert here == there


def test_both_backends_suspect_the_memory_when_a_rank_was_killed() -> None:
    for remedies in (on_this_machine(exit_code=-signal.SIGKILL), on_a_cluster(exit_code=128 + signal.SIGKILL)):
        (remedy,) = remedies
        assert remedy.startswith("SIGKILL that nobody sent on purpose is mostly the kernel's, when memory runs out")


def test_words_without_a_remedy_lead_to_the_log() -> None:
    assert on_this_machine(UNKNOWN_TO_THE_TABLE) == [
        "Look at the lines above: they are the last that the failing process wrote."
    ]
    assert on_a_cluster(UNKNOWN_TO_THE_TABLE) == ["Read its log: client.get_job_logs('a', step='node-0')."]
