"""The start of a supervisor as a detached process, which lives on when this process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.process_identity import ProcessIdentity, identify, this_process

# The shell ends at once: the supervisor is then no child of this process, and never its zombie. $0 is the log file.
_DETACH = '"$@" </dev/null >>"$0" 2>&1 & echo $!'
# This interpreter may have found kubeflow on a path that a new interpreter does not have.
_RUN = (
    "import sys; from pathlib import Path; sys.path.append(sys.argv[2]); "
    "from kubeflow.local.supervision.supervisor import main; main(Path(sys.argv[1]))"
)


def spawn_supervisor(directory: Path) -> ProcessIdentity:
    """Start the supervisor of the job in `directory`, and return its identity.

    Raises:
        OSError: No process can be started.
    """
    root = str(Path(__file__).absolute().parents[3])
    # -P: a file of the user's that happens to be called random.py must not shadow the library.
    command = [sys.executable, "-P", "-W", "ignore", "-c", _RUN, str(directory), root]
    # A supervisor that is started inside of a job is no part of that job.
    environ = {name: value for name, value in os.environ.items() if name != MARK}
    with subprocess.Popen(
        ["/bin/sh", "-c", _DETACH, str(Places(directory).supervisor_log), *command],
        env={**environ, SUPERVISES: str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as shell:
        output, _ = shell.communicate()
    if shell.returncode or not output.strip().isdigit():
        raise OSError(f"/bin/sh could not start a process (exit code {shell.returncode})")
    pid = int(output)
    return identify(pid) or replace(this_process(), pid=pid, started="")  # the supervisor has ended already
