"""The process that drives a search: a supervised job of this machine, in a store beside that of the training jobs.

So it outlives the process that made the search, is started anew when it dies, and is found by the next client.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.lines import last_lines
from kubeflow.local.store.store import NameTaken

_NODE = "search"
_DRIVERS = "searches"
_PATIENCE = 20.0  # seconds for a process to end that has nothing left to do
_POLL = 0.02
# A process that is killed is started again at once; one that ends by itself has said what it had to say.
_AGAIN = (
    'left=100; while :; do "$@"; code=$?; [ "$code" -lt 128 ] && exit "$code"; '
    'left=$((left - 1)); [ "$left" -gt 0 ] || exit "$code"; sleep 0.1; done'
)
# This interpreter may have found kubeflow on a path that a new interpreter does not have.
_RUN = (
    "import sys; from pathlib import Path; sys.path.extend(sys.argv[3:]); "
    "from kubeflow.optimizer.engines.client.study_driver import main; main(Path(sys.argv[1]), sys.argv[2])"
)


def drivers(state: Path) -> Jobs:
    """Return the processes that drive the searches of a state directory, as jobs that no trainer lists."""
    return Jobs(state / _DRIVERS)


def start(state: Path, name: str, directory: str, environ: Mapping[str, str]) -> None:
    """Start the process that drives search `name`, unless there is one.

    Args:
        state: The state directory.
        name: The search.
        directory: The working directory of its trials.
        environ: The environment of its trials.
    """
    import kubeflow_api

    roots = [str(Path(module).absolute().parents[1]) for module in (_package(), str(kubeflow_api.__file__))]
    # -P: a file of the user's that happens to be called random.py must not shadow the library.
    command = [sys.executable, "-P", "-W", "ignore", "-c", _RUN, str(state), name, *dict.fromkeys(roots)]
    own = {key: text for key, text in environ.items() if key not in (MARK, SUPERVISES)}
    node = NodePlan(_NODE, argv=("/bin/sh", "-c", _AGAIN, "sh", *command), env=own)
    with contextlib.suppress(NameTaken):  # another client was quicker
        drivers(state).submit(name, lambda _: JobPlan(name, stages=((node,),), cwd=directory))


def keep_going(state: Path, name: str, directory: str) -> str | None:
    """See to it that search `name` is driven: start its process anew where it is gone, as it was started before.

    Returns:
        Why it cannot be driven, in words: its process has ended by itself with an error, as one does that cannot be
        imported. `None`: it is driven.
    """
    jobs = drivers(state)
    record = jobs.find(name)
    if record is not None and not record.finished:
        return None
    if record is not None and any(node.exit_code == 1 for node in record.nodes):
        return (last_words(state, name) or ("its process ended with exit code 1",))[-1]
    plan: JobPlan | None = None
    if record is not None:
        with contextlib.suppress(InvalidInput):  # somebody else deletes it
            plan = replace(read_plan(record.directory), suspend=False)
        jobs.delete(record)
    if plan is None:
        start(state, name, directory, os.environ)
        return None
    again = plan
    with contextlib.suppress(NameTaken):
        jobs.submit(name, lambda _: again)
    return None


def wait_for_end(state: Path, name: str) -> None:
    """Return when the process of search `name`, which rests or has ended, is gone: only then another one drives it."""
    jobs = drivers(state)
    deadline = time.monotonic() + _PATIENCE
    while (record := jobs.find(name)) is not None and not record.finished and time.monotonic() < deadline:
        time.sleep(_POLL)


def end(state: Path, name: str) -> None:
    """End the process that drives search `name`, and forget it; when this returns, it is gone."""
    jobs = drivers(state)
    record = jobs.find(name)
    if record is not None:
        jobs.delete(record)


@contextlib.contextmanager
def deleting(state: Path, name: str) -> Generator[Path]:
    """Have one client at a time delete a search of this name: what belongs to it is found by the name.

    Yields the file that others wait for; whoever deletes the search removes the file too.
    """
    file = state / _DRIVERS / f".{name}.deleted"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield file


def last_words(state: Path, name: str) -> tuple[str, ...]:
    """Return the last lines that the process of search `name` has written, which are none when all is well."""
    record = drivers(state).find(name)
    return () if record is None else tuple(last_lines(Places(record.directory).node_log(_NODE), 20))


def _package() -> str:
    import kubeflow.core

    return str(Path(str(kubeflow.core.__file__)).parent)
