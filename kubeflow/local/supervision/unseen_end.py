"""How a job ended whose supervisor was killed: told from the exit codes that its ranks left in files."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.job.records import JobRecord, RankRecord, Verdict, describe_exit
from kubeflow.local.logs.ranks import read_orphaned_ranks

# A rank that ended well, or by what may have been meant for its supervisor as well.
_NO_PROOF = (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)


@dataclass(frozen=True, slots=True)
class UnseenEnd:
    """How a job ended that no supervisor saw end.

    Attributes:
        verdict: How it ended; `None` when it had not ended before its supervisor.
        ranks: How its ranks ended, those that have; whatever was not the cause of its end is late.
    """

    verdict: Verdict | None
    ranks: Sequence[RankRecord] = ()


def unseen_end(record: JobRecord) -> UnseenEnd:
    """Return how a job whose supervisor is gone has ended.

    When a supervisor dies, its launchers and ranks are told to end, and what they do then says nothing about the job.
    So an exit code counts only if its rank had not been told. A failure counts only if no rank had been told before,
    since a rank also fails when its peers are gone, and if its launcher would not have started it again. A rank that
    was killed may have been killed with its supervisor. Where this leaves a doubt, there is no verdict.

    Args:
        record: The job as it was read from the store.
    """
    try:
        plan = read_plan(record.directory)
    except InvalidInput:  # it was never written, or its directory is gone
        return UnseenEnd(None)
    ends = [end for node in plan.nodes for end in read_orphaned_ranks(Places(record.directory).node(node.name))]
    failed = next((node for node in record.nodes if node.phase == "Failed"), None)
    if failed is not None:  # its supervisor saw that, and was killed before it could say what follows
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
    known = record.node(node.name)
    if known is not None and known.phase == "Succeeded":
        return True
    return bool(node.ranks) and all(codes.get(rank) == 0 for rank in node.ranks)


def _first_failure(plan: JobPlan, ends: Sequence[RankRecord]) -> RankRecord | None:
    final = {node.name for node in plan.nodes if not node.restarts}
    told = min((end.ended for end in ends if end.late), default=float("inf"))
    own = [end for end in ends if end.code not in _NO_PROOF and not end.late and end.ended < told and end.node in final]
    return min(own, key=lambda end: end.ended, default=None)
