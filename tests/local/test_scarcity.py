"""A client that is short of something takes no job for dead that lives."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.local.conftest import Desk

SHORT_OF_FILES = """
import resource, sys
from pathlib import Path
from kubeflow.local.jobs import Jobs
jobs = Jobs(Path(sys.argv[1]))
assert jobs.find("job").phase == "Running"
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True:
        kept.append(open("/dev/null"))
except OSError:
    pass
try:
    print(jobs.find("job").phase)
except OSError as error:
    print(error.strerror)
"""


def test_a_client_with_too_many_open_files_kills_no_job(desk: Desk) -> None:
    desk.submit("sleep 60")
    desk.running()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SHORT_OF_FILES, str(desk.state)]

    client = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    assert client.stdout.strip() in ("Running", "Too many open files")
    assert desk.get().phase == "Running"
