"""What SQLite's locks on the store must bear within one process: they belong to the process, not to a connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kubeflow.local.identity import this_process
from kubeflow.local.plan import JobPlan, NodePlan
from kubeflow.local.store import Store

LOOK = """
import sys
from pathlib import Path
from kubeflow.local.store import Store
store = Store(Path(sys.argv[1]))
print(*(job.name for job in store.all()))
store.database.close()
"""


def seen_by_another_process(state: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", LOOK, str(state)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.split()


def add(store: Store, name: str) -> None:
    store.add(JobPlan(name, ((NodePlan("node-0", ("true",)),),), "/"), Path("/jobs", name), this_process())


def test_two_ways_to_one_store_in_a_process_lose_no_job(tmp_path: Path) -> None:
    state = tmp_path / "state"
    store = Store(state)
    add(store, "first")
    (tmp_path / "link").symlink_to(state)
    same = Store(tmp_path / "link")

    assert [job.name for job in same.all()] == ["first"]
    assert seen_by_another_process(state) == ["first"]  # which closes the store as if it were the last to have it
    add(store, "second")
    add(same, "third")

    assert seen_by_another_process(state) == ["first", "second", "third"]


def test_the_store_is_for_its_users_eyes_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, "job")

    files = list(tmp_path.glob("jobs.db*"))
    assert len(files) == 3  # the store, the log of its writes, and the index of that
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
