"""What torchrun says in the log of a container: the only word of a rank that was killed, and never itself a cause."""

from __future__ import annotations

import pytest

from kubeflow.cluster import Cluster
from kubeflow.trainer.diagnosis.torchrun_output import RankExit, first_exit, without_torchrun
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge
from tests.trainer.kubernetes.objects import Made, ended
from tests.trainer.kubernetes.subject import Subject, raised

TOLD = [
    "W0102 12:00:04.086000 17 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 23 closing signal "
    "SIGTERM",
    "E0102 12:00:04.153000 17 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1) local_rank: 1 "
    "(pid: 25) of binary: /usr/bin/python",
]
STORE_GONE = [
    "[W102 12:00:09.281334713 TCPStore.cpp:125] [c10d] recvValueWithTimeout failed on SocketImpl(fd=3, "
    "addr=[node-1]:60766, remote=[node-0]:29500): Failed to recv, got 0 bytes. Connection was likely closed.",
    "Exception raised from recvBytes at /pytorch/torch/csrc/distributed/c10d/Utils.hpp:787 (most recent call first):",
    "frame #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x9d (0x7f7e92f79b8d in libc10.so)",
    "frame #1: <unknown function> + 0x67483cd (0x7f7e84b483cd in libtorch_cpu.so)",
    "<omitting python frames>",
    "frame #34: _start + 0x21 (0x556125cad081 in /usr/bin/python)",
    "",
    "E0102 12:00:09.578000 17 torch/distributed/elastic/agent/server/api.py:1008] Error waiting on exit barrier. "
    "Elapsed: 0.0196 seconds",
    "E0102 12:00:09.578000 17 torch/distributed/elastic/agent/server/api.py:1008] Traceback (most recent call last):",
    "E0102 12:00:09.578000 17 torch/distributed/elastic/agent/server/api.py:1008] torch.distributed.DistNetworkError: "
    "Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?",
]
OWN = [
    "epoch 1",
    "[rank2]: Traceback (most recent call last):",
    "[rank2]: RuntimeError: Connection closed by peer",
]


def entry(index: int, rank: int, code: int, second: int = 4) -> list[str]:
    name = {-9: " (SIGKILL)", -15: " (SIGTERM)"}.get(code, "")
    return [
        f"[{index}]:",
        f"  time      : 2026-01-02_12:00:{second:02}",
        "  host      : node-1",
        f"  rank      : {rank} (local_rank: {rank % 2})",
        f"  exitcode  : {code} (pid: {20 + rank}) {name}",
        "  error_file: <N/A>",
        "  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html",
    ]


def closing(root: list[str], *others: list[str]) -> list[str]:
    """Return what torchrun says last when ranks have failed."""
    listed = [line for other in others for line in other] or ["  <NO_OTHER_FAILURES>"]
    return [
        "Traceback (most recent call last):",
        '  File "/usr/lib/python3/site-packages/torch/distributed/run.py", line 1032, in <module>',
        "    main()",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
        *("=" * 54, "train.py FAILED", "-" * 54, "Failures:"),
        *listed,
        *("-" * 54, "Root Cause (first observed failure):"),
        *root,
        "=" * 54,
    ]


KILLED = [*OWN, *TOLD, *closing(entry(0, 3, -9), entry(1, 2, -15))]


class Nodes(Subject):
    """A job `a` of nodes with two ranks each."""

    def ends(
        self, index: int, *lines: str, code: int = 1, message: str = "", reason: str = "", second: int = 5
    ) -> None:
        environment = [{"name": "PET_NPROC_PER_NODE", "value": "2"}]
        spec = {"containers": [{"name": "node", "image": "image", "env": environment}]}
        status = ended(code, message=message, reason=reason, finished=f"2026-01-02T12:00:{second:02}Z")
        pod = self.made.pod("a", index=index, spec=spec, status=status)
        self.edge.write(self.made.namespace, pod, *lines)
        self.edge.end(self.made.namespace, pod)


@pytest.fixture
def nodes(server: Recorded, namespace: str, edge: Edge, cluster: Cluster) -> Nodes:
    nodes = Nodes(Made(server, namespace), edge, cluster)
    nodes.job()
    return nodes


def noticed(rank: int) -> str:
    return raised(rank, "RuntimeError", "Connection closed by peer")


# -- causes -------------------------------------------------------------------------------------------------------


def test_a_rank_that_was_killed_in_its_container_is_named_with_the_remedy(nodes: Nodes) -> None:
    nodes.ends(0, "epoch 1", message=noticed(0), second=4)
    nodes.ends(1, *KILLED)
    nodes.made.end("a", "Failed", "FailedJobs")
    error = nodes.failure()
    assert error.reason == "rank 3 (node-1) was killed by SIGKILL."
    assert (error.rank, error.node, error.exception) == (3, 1, None)
    assert list(error.log) == OWN
    found = nodes.explain("Failed")
    assert found.summary == error.reason
    assert "then rank 0 (node-0) raised RuntimeError: Connection closed by peer" in found.findings[1]
    assert list(found.log) == OWN
    assert "mostly the kernel's, when memory runs out: raise 'memory' in resources_per_node" in found.remedies[0]


def test_a_rank_of_the_same_container_that_only_noticed_is_not_the_cause(nodes: Nodes) -> None:
    nodes.ends(1, *KILLED, message=noticed(2))
    assert nodes.failure().reason == "rank 3 (node-1) was killed by SIGKILL."


def test_a_rank_that_raised_and_was_killed_while_it_ended_has_raised(nodes: Nodes) -> None:
    nodes.ends(1, *OWN, *closing(entry(0, 3, -6)), message=raised(3))
    error = nodes.failure()
    assert (error.rank, error.exception) == (3, "ValueError: boom")


def test_the_rank_that_torchrun_saw_fail_is_named_where_it_left_no_word(nodes: Nodes) -> None:
    nodes.ends(1, *OWN, *TOLD, *closing(entry(0, 2, 7)))
    error = nodes.failure()
    assert (error.rank, error.reason) == (2, "rank 2 (node-1) exited with code 7.")


def test_a_container_that_ran_out_of_memory_names_the_rank(nodes: Nodes) -> None:
    nodes.ends(1, *KILLED, reason="OOMKilled")
    assert nodes.failure().reason == "rank 3 (node-1) ran out of memory (OOMKilled, exit code 1)."
    assert nodes.explain("Failed").remedies[0].startswith("Raise 'memory' in resources_per_node")


def test_the_last_words_of_a_rank_that_left_no_other_have_their_remedy(nodes: Nodes) -> None:
    nodes.ends(0, "ModuleNotFoundError: No module named 'einops'", *TOLD, *closing(entry(0, 0, 1)))
    assert "packages_to_install" in nodes.explain("Failed").remedies[0]


def test_looking_for_the_rank_that_was_killed_costs_three_logs_at_most(nodes: Nodes) -> None:
    for index in range(6):
        nodes.ends(index, "no summary", message=noticed(0) if index == 0 else "")
    before = len(nodes.edge.asked("/log"))
    assert nodes.failure().reason == "rank 0 (node-0) raised RuntimeError: Connection closed by peer at train.py:3."
    assert len(nodes.edge.asked("/log")) - before == 3


# -- its own noise ------------------------------------------------------------------------------------------------


def test_a_store_that_went_first_is_no_cause_of_a_failure(nodes: Nodes) -> None:
    nodes.ends(0, "epoch 1", *TOLD, *closing(entry(0, 1, 1)), message=raised(1), second=4)
    nodes.ends(1, "epoch 1", *STORE_GONE, code=0)
    nodes.made.end("a", "Failed", "FailedJobs")
    error = nodes.failure()
    assert error.reason == "rank 1 (node-0) raised ValueError: boom at train.py:3."
    assert list(error.log) == ["epoch 1"]
    explained = str(nodes.explain("Failed"))
    for noise in ("TCPStore", "frame #", "exit barrier", "DistNetworkError", "ChildFailedError"):
        assert noise not in explained


def test_a_failing_rank_s_lines_are_shown_without_the_noise_of_its_launcher(nodes: Nodes) -> None:
    nodes.ends(1, *OWN, *STORE_GONE, *TOLD, *closing(entry(0, 3, -9)), "the job's own last line")
    assert list(nodes.failure().log) == [*OWN, "the job's own last line"]


def test_a_job_with_such_noise_that_succeeded_is_complete_and_nothing_is_to_be_said(nodes: Nodes) -> None:
    nodes.ends(0, "done", code=0)
    nodes.ends(1, "done", *STORE_GONE, code=0)
    nodes.made.end("a")
    found = nodes.explain("Complete")
    assert found.summary == "all its nodes have succeeded."
    assert (list(found.findings), list(found.log), list(found.remedies)) == ([], [], [])
    assert nodes.edge.asked("/log") == []


def test_what_torchrun_cannot_start_is_shown_as_torchrun_says_it(nodes: Nodes) -> None:
    nodes.ends(0, *TOLD)
    assert list(nodes.failure().log) == TOLD


# -- the summary --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (closing(entry(0, 3, -9), entry(1, 2, -15)), RankExit(3, -9)),
        (closing(entry(0, 2, 1), entry(1, 3, -9)), RankExit(3, -9)),  # 2 raised as 3 was killed
        (closing(entry(0, 2, 1), entry(1, 3, -9, second=34)), RankExit(2, 1)),  # 3 would not end, so torchrun killed it
        (closing(entry(0, 2, 1), entry(1, 3, -15)), RankExit(2, 1)),
        ([*closing(entry(0, 0, 5)), "again", *closing(entry(0, 1, 6))], RankExit(1, 6)),
        (["Root Cause (first observed failure):", "[0]:"], None),
        (["rank      : 3", "exitcode  : -9 (pid: 3)"], None),
        ([], None),
    ],
)
def test_the_summary_tells_which_rank_failed_first(summary: list[str], expected: RankExit | None) -> None:
    assert first_exit([*OWN, *TOLD, *summary]) == expected


def test_lines_that_are_not_torchrun_s_stay_as_they_are() -> None:
    kept = [
        "[rank1]:[W102 12:00:09.281334713 TCPStore.cpp:125] [c10d] recvValue failed on SocketImpl(fd=3)",
        "frame #0: mine",
        "W0102 12:00:04.086000 17 my/module.py:12] mine",
        "Traceback (most recent call last):",
        "ValueError: mine",
    ]
    assert without_torchrun(kept) == kept
