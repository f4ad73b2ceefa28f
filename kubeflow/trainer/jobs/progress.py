"""What a train function says about itself while it runs: how far it is, how long it will take, its metrics.

Standard library only, because it runs where the job runs. Where nobody listens, nothing happens.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import ssl
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from kubeflow.core.stdlib import json
from kubeflow.local.job.status_file import STATUS_FILE

logger = logging.getLogger(__name__)

# Set by Trainer 2.2 and later in every container of a training node, where an administrator has switched it on.
_URL = "KUBEFLOW_TRAINER_SERVER_URL"
_AUTHORITY = "KUBEFLOW_TRAINER_SERVER_CA_CERT"
_TOKEN = "KUBEFLOW_TRAINER_SERVER_TOKEN"  # holds the path of a file

# The server answers five requests a second, of all jobs together.
_INTERVAL = 5.0  # seconds between two reports
_TIMEOUT = 5.0  # seconds for one report
_ATTEMPTS = 3  # for the last report
# Bounds of TrainerStatus in Trainer 2.2 and later.
_MAX_METRICS = 256
_MAX_LENGTH = 64


class Metric(TypedDict):
    """A metric as the control plane takes it: `value` is text."""

    name: str
    value: str


class Report(TypedDict, total=False):
    """A `TrainerStatus`, in its names on the wire."""

    progressPercentage: int
    estimatedRemainingSeconds: int
    metrics: list[Metric]
    lastUpdatedTime: str


def update_trainjob_status(
    progress_percent: int | None = None,
    estimated_remaining_seconds: int | None = None,
    metrics: Mapping[str, float | int | str] | None = None,
) -> bool:
    """Report how far training is, from inside the train function; `get_job(name)` shows it.

    Call it on one rank, as often as you like. On a cluster, reports are sent in the background at most every five
    seconds, and the last one is sent before the process ends. What a call leaves out keeps its last value. Never
    raises: a training job does not fail because of its reports.

    Works in local jobs, and on clusters with Trainer 2.2 or later whose administrator has switched on the feature gate
    `TrainJobStatus`.

    Args:
        progress_percent: Percent done; brought into 0 to 100.
        estimated_remaining_seconds: Seconds left; at least 0.
        metrics: Metrics by name. At most 256, names and values (as text) at most 64 characters: what is over is cut.

    Returns:
        Whether somebody listens: `False` outside of a job, and where reports are not switched on.
    """
    try:
        report = _merged(progress_percent, estimated_remaining_seconds, metrics)
        path = os.environ.get(STATUS_FILE)
        if path:
            _write(Path(path), report)
            return True
        url = os.environ.get(_URL)
        if url:
            _sender(url).offer(report)
            return True
    except (OSError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        logger.warning("could not report the progress of training: %s", error)
    return False


_lock = threading.Lock()
_report: Report = {}
_senders: dict[int, _Sender] = {}  # by process id: a thread does not survive a fork


def _merged(progress: float | None, remaining: float | None, metrics: Mapping[str, float | int | str] | None) -> Report:
    # The server replaces the whole status by what it is sent, so every report is complete.
    with _lock:
        if progress is not None:
            _report["progressPercentage"] = int(max(0, min(100, progress)))
        if remaining is not None and math.isfinite(remaining):
            _report["estimatedRemainingSeconds"] = int(max(0, remaining))
        if metrics:
            known = {metric["name"]: metric["value"] for metric in _report.get("metrics", [])}
            new = {str(name)[:_MAX_LENGTH]: str(value)[:_MAX_LENGTH] for name, value in metrics.items()}
            known |= {name: value for name, value in new.items() if name and value}
            if len(known) > _MAX_METRICS:
                logger.warning("%d metrics are reported, and %d are taken: the first", len(known), _MAX_METRICS)
            listed = list(known.items())[:_MAX_METRICS]
            _report["metrics"] = [{"name": name, "value": value} for name, value in listed]
        _report["lastUpdatedTime"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return _report.copy()


def _write(path: Path, report: Report) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as file:
        json.dump(report, file)
    os.replace(file.name, path)  # noqa: PTH105 - readers see the old report or the new one, never half of one


class _Sender:
    """Sends the newest report to the control plane, not too often, and the last one for sure."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._newest: Report | None = None
        self._offered = threading.Event()
        self._sending = threading.Lock()
        threading.Thread(target=self._run, name="kubeflow-progress", daemon=True).start()
        atexit.register(self.flush)

    def offer(self, report: Report) -> None:
        self._newest = report
        self._offered.set()

    def flush(self) -> None:
        """Send what has not been sent; the process is about to end."""
        for attempt in range(_ATTEMPTS):
            if self._send():
                return
            time.sleep(attempt)

    def _run(self) -> None:
        while True:
            self._offered.wait()
            self._offered.clear()
            self._send()
            time.sleep(_INTERVAL)

    def _send(self) -> bool:
        """Send the newest report if it has not been sent; whether there is nothing left to send."""
        with self._sending:
            report = self._newest
            if report is None:
                return True
            try:
                _post(self._url, report)
            except (OSError, ValueError) as error:
                logger.warning("could not report the progress of training: %s", error)
                return False
            if self._newest is report:
                self._newest = None
        return self._newest is None


def _sender(url: str) -> _Sender:
    with _lock:
        if os.getpid() not in _senders:
            _senders[os.getpid()] = _Sender(url)
        return _senders[os.getpid()]


def _post(url: str, report: Report) -> None:
    headers = {"Content-Type": "application/json"}
    token = os.environ.get(_TOKEN)
    if token:  # read for every report: the kubelet renews it
        headers["Authorization"] = f"Bearer {Path(token).read_text('utf-8').strip()}"
    authority = os.environ.get(_AUTHORITY)
    context = ssl.create_default_context(cafile=authority) if authority and url.startswith("https") else None
    body = json.dumps({"trainerStatus": report}).encode()
    request = urllib.request.Request(url, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context):
        pass
