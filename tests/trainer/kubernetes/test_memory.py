"""What a client keeps in memory while much goes through it: measured from outside, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubeflow.trainer import KubernetesBackendConfig
from tests.cluster.proxy import Proxy
from tests.cluster.stage import Stage
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.stock import pod_name, stock

MIB = 1 << 20
JOBS = 10_000
LINES = 1_000_000

# VmHWM and not ru_maxrss: that survives exec, and so would count the tests that started the process.
_CHILD = """
import sys
from kubeflow.trainer import KubernetesBackendConfig, TrainerClient
client = TrainerClient(KubernetesBackendConfig(config_file=sys.argv[1]))
count = 0
{work}
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
print(count, peak)
"""
_LIST = "count = len(client.list_jobs())"
_ITERATE = """
from kubeflow.cluster import Cluster
from kubeflow_api.trainer.v1alpha1 import TrainJobs
cluster = Cluster.connect(config_file=sys.argv[1])
for job in TrainJobs(cluster, cluster.namespace).list():
    count += 1
"""
_FOLLOW = "for line in client.get_job_logs(sys.argv[2], follow=True): count += 1"

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


def measure(work: str, *arguments: str) -> tuple[int, int]:
    """Run `work` in a process; return what it counted, and its peak of memory in bytes."""
    command = [sys.executable, "-c", _CHILD.format(work=work), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    count, peak = map(int, done.stdout.split())
    return count, peak


def pages(wire: Any, home: str, total: int) -> Callable[[str, Mapping[str, str]], bytes | None]:
    """Return what makes up lists of `total` jobs, with a pod each, from the one job that the server really has.

    The server would need minutes to store so many; how they reach the client, page by page, is the same.
    """
    paths = {f"{API}/namespaces/{home}/trainjobs": "", f"/api/v1/namespaces/{home}/pods": ""}
    for path in paths:
        paths[path] = json.dumps(wire.send("GET", path)["items"][0])

    def made_up(path: str, query: Mapping[str, str]) -> bytes | None:
        if path not in paths or "watch" in query:
            return None
        start = int(query.get("continue") or 0)
        end = min(start + int(query.get("limit") or total), total)
        items = [paths[path].replace("job-00000", f"job-{number:05}") for number in range(start, end)]
        metadata = {"resourceVersion": "1", **({"continue": str(end)} if end < total else {})}
        return f'{{"apiVersion":"v1","kind":"List","metadata":{json.dumps(metadata)},"items":[{",".join(items)}]}}'.encode()

    return made_up


def test_ten_thousand_jobs_are_listed_in_the_memory_of_a_page(
    trainer_cluster: Stage, front: Proxy, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    stock(trainer_cluster.wire, home, 1, with_pods=1)
    file = str(cluster_config.config_file)
    peaks: dict[tuple[str, int], int] = {}
    for name, work in (("iterate", _ITERATE), ("list", _LIST)):
        for total in (JOBS // 10, JOBS):
            front.made_up = pages(trainer_cluster.wire, home, total)
            count, peaks[name, total] = measure(work, file)
            assert count == total

    print({key: f"{peak / MIB:.0f} MiB" for key, peak in peaks.items()})
    assert peaks["iterate", JOBS] - peaks["iterate", JOBS // 10] < 8 * MIB
    # What the list itself holds grows with it: a view of a job and its step, and nothing of what the server sent.
    assert peaks["list", JOBS] - peaks["list", JOBS // 10] < 9 * JOBS // 10 * 5 * 1024


def test_a_million_lines_are_followed_in_the_memory_of_a_few(
    trainer_cluster: Stage, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    jobs = stock(trainer_cluster.wire, home, 2, with_pods=2)
    peaks: list[int] = []
    for job, total in zip(jobs, (LINES // 10, LINES), strict=True):
        write_log(trainer_cluster.logs / home / pod_name(job), total)
        count, peak = measure(_FOLLOW, str(cluster_config.config_file), job)
        assert count == total
        peaks.append(peak)

    print([f"{peak / MIB:.0f} MiB" for peak in peaks])
    assert peaks[1] - peaks[0] < 8 * MIB


def write_log(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with (folder / "node.log").open("w", encoding="utf-8") as log:
        for number in range(count):
            time = start + timedelta(microseconds=100 * number)
            log.write(f"{time:%Y-%m-%dT%H:%M:%S.%f}000Z epoch 1 step {number:07} loss 0.123456 lr 0.0001\n")
