"""The end of a job whose supervisor was killed, from the exit codes that its ranks left in files."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.job.records import JobRecord, RankRecord, Verdict, describe_exit
from kubeflow.local.logs.ranks import read_orphaned_ranks

# Success, and signals that may have been sent to the supervisor and its ranks together.
_NO_PROOF = (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)


@dataclass(frozen=True, slots=True)
class UnseenEnd:
    """The end of a job that no supervisor recorded.

    Attributes:
        verdict: How the job ended; `None` when it had not ended before its supervisor did.
        ranks: How the ranks ended that have ended. Every failure but the one that the verdict names is late.
    """

    verdict: Verdict | None
    ranks: Sequence[RankRecord] = ()


def unseen_end(record: JobRecord) -> UnseenEnd:
    """Return how a job whose supervisor is gone has ended.

    When a supervisor dies, its launchers and ranks get SIGTERM. Their exit codes after that say nothing about the job:
    an exit code counts only if the rank had not got SIGTERM before. A failure counts only if no other rank had got
    SIGTERM before, because a rank also fails when its peers are gone, and only if the launcher would not have started
    the rank again. SIGKILL may have been sent to a rank together with its supervisor, and counts as no failure. In
    doubt, there is no verdict.

    Args:
        record: The job as it was read from the store.
    """
    try:
        plan = read_plan(record.directory)
    except InvalidInput:  # the plan was never written, or the directory is gone
        return UnseenEnd(None)
    ends = [end for node in plan.nodes for end in read_orphaned_ranks(Places(record.directory).node(node.name))]
    failed = next((node for node in record.nodes if node.phase == "Failed"), None)
    if failed is not None:  # the supervisor recorded that, and was killed before it recorded a verdict
        return UnseenEnd(Verdict("Failed", f"{failed.name} {describe_exit(failed.exit_code)}", failed.name), ends)
    codes = {end.rank: end.exit_code for end in ends if not end.late}
    if all(_done(record, node, codes) for node in plan.nodes):
        return UnseenEnd(Verdict("Complete"), ends)
    first = _first_failure(plan, ends)
    ends = [replace(end, late=end.exit_code != 0 and end is not first) for end in ends]
    if first is None:
        return UnseenEnd(None, ends)
    reason = f"rank {first.rank} ({first.node}) {describe_exit(first.code)}"
    return UnseenEnd(Verdict("Failed", reason, first.node), ends)


def _done(record: JobRecord, node: NodePlan, codes: dict[int, int]) -> bool:
    recorded = record.node(node.name)
    if recorded is not None and recorded.phase == "Succeeded":
        return True
    return bool(node.ranks) and all(codes.get(rank) == 0 for rank in node.ranks)


def _first_failure(plan: JobPlan, ends: Sequence[RankRecord]) -> RankRecord | None:
    never_restarted = {node.name for node in plan.nodes if not node.restarts}
    first_told = min((end.ended for end in ends if end.late), default=float("inf"))
    failures = [
        end
        for end in ends
        if end.code not in _NO_PROOF and not end.late and end.ended < first_told and end.node in never_restarted
    ]
    return min(failures, key=lambda end: end.ended, default=None)
