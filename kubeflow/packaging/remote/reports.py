# Must run on Python 3.8.
# ruff: noqa: PTH105, PTH123, UP006, UP035, UP045
"""What a train function says about itself while it runs: metrics step by step, how far it is, how long it will take.

It travels with code that names the SDK, and stands in for it where an image does not have it. Where nobody listens,
nothing happens.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time

from .outcome import RANK_VARIABLES, number

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, SupportsFloat

logger = logging.getLogger(__name__)

REPORTS_FILE = "KUBEFLOW_REPORTS_FILE"
"""Environment variable of a local job's processes: the file that `report` appends lines to."""
STATUS_FILE = "KUBEFLOW_STATUS_FILE"
"""Environment variable of a job's processes: the file to replace with a JSON object, in the words of the control
plane: `progressPercentage`, `estimatedRemainingSeconds`, `metrics` (each with `name` and `value`, a text)."""
OBJECTIVE = "KUBEFLOW_OBJECTIVE"
"""Environment variable of a trial: the metric that a function means which returns nothing but a number."""
# Set by Katib in the containers of its trials; its collector reads what they print.
KATIB = "KATIB_TRIAL_NAME"
# Set by Kubernetes in every pod of an indexed Job.
_POD = "JOB_COMPLETION_INDEX"

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

_lock = threading.Lock()
_newest: Dict[str, Any] = {}
_steps: List[int] = []
_senders: Dict[int, _Sender] = {}  # by process id: a thread does not survive a fork


def report(step: Optional[float] = None, **metrics: SupportsFloat) -> None:
    """Report metrics of a step, from inside a train function. All of them are kept, in the order of the calls.

    A search judges and stops trials by them; `TrainerClient.get_job_metrics` returns them for any job. The function
    runs unchanged on this machine, on a cluster, and outside of any job, where nothing happens. Katib, and a cluster's
    log, get one line like `2026-01-02T03:04:05.123456789Z loss=0.3`, from rank 0. Where several ranks report the same
    metric, that of the lowest rank counts.

    Args:
        step: The step, epoch or round that they are of, counted by the function. Default: one more than in the call
            before, from 0.
        metrics: Numbers by name, those of libraries included that `float()` takes. Names that are no identifiers go
            in by `report(step=1, **{"eval/loss": 0.3})`. A NaN or an infinity is kept as such.

    Raises:
        TypeError: A metric is no number, or a step no whole number.
        ValueError: There is no metric, or text that is no number.

    Example:
        >>> from kubeflow.optimizer import report
        >>> for epoch in range(3):
        ...     report(step=epoch, loss=1 / (epoch + 1))
    """
    values = {name: float(value) for name, value in metrics.items()}
    if not values:
        raise ValueError("report() takes at least one metric, by its name")
    if step is not None and (isinstance(step, bool) or int(step) != step):
        raise TypeError("step is a whole number, not " + repr(step))
    with _lock:
        at = (_steps[0] + 1 if _steps else 0) if step is None else int(step)
        _steps[:] = [at]
    path = os.environ.get(REPORTS_FILE)
    if path:
        try:
            _append(path, {"step": at, "rank": _rank(), "time": time.time(), "metrics": values})
        except OSError as error:  # a training job does not fail because of its reports
            logger.warning("a report could not be kept: %s", error)
    if KATIB in os.environ or (_POD in os.environ and not path):
        print_metrics(values)
    if not _rank():
        update_trainjob_status(metrics=values)


def print_metrics(values: Mapping[str, float]) -> None:
    """Print metrics as Katib's collector reads them, with the time in front; on rank 0 alone."""
    if _rank():
        return
    nanoseconds = time.time_ns()
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9))
    found = " ".join(name + "=" + repr(value) for name, value in values.items())
    # One write, so that no other output comes between.
    sys.stdout.write(when + "." + str(nanoseconds % 10**9).zfill(9) + "Z " + found + "\n")
    sys.stdout.flush()


def metrics_of(value: object, single: str) -> Dict[str, float]:
    """Return the metrics that a function means by what it returned: a number, or numbers by name.

    Args:
        value: What it returned. Other entries of a mapping than numbers are left out.
        single: The metric that a number without a name is.
    """
    if isinstance(value, dict):
        return _numbers(value)  # pyright: ignore[reportUnknownArgumentType]
    number_alone = as_number(value)
    return {} if number_alone is None else {single: number_alone}


def as_number(value: object) -> Optional[float]:
    """Return a number as a float, those of libraries included; `None` for anything else, and for truth values."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, RuntimeError, OverflowError):  # an array, a tensor of several values
        return None


def report_returned(value: object) -> None:
    """Report what the function of a trial returned, where an engine reads prints or the status and not the result."""
    values = metrics_of(value, os.environ.get(OBJECTIVE) or "loss")
    if not values or _rank():
        return
    if KATIB in os.environ:
        print_metrics(values)
    if os.environ.get(_URL):
        update_trainjob_status(metrics=values)


def update_trainjob_status(
    progress_percent: Optional[int] = None,
    estimated_remaining_seconds: Optional[int] = None,
    metrics: Optional[Mapping[str, Any]] = None,
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
        merged = _merged(progress_percent, estimated_remaining_seconds, metrics)
        path = os.environ.get(STATUS_FILE)
        if path:
            _replace(path, merged)
            return True
        url = os.environ.get(_URL)
        if url:
            _sender(url).offer(merged)
            return True
    except (OSError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        logger.warning("could not report the progress of training: %s", error)
    return False


def _numbers(entries: Dict[object, object]) -> Dict[str, float]:
    numbers = ((name, as_number(each)) for name, each in entries.items() if isinstance(name, str))
    return {name: each for name, each in numbers if each is not None}


def _rank() -> int:
    return number(os.environ, RANK_VARIABLES)


def _append(path: str, line: Dict[str, Any]) -> None:
    import json

    # One write to the end of the file: ranks that report at the same time do not mix.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode("utf-8"))
    finally:
        os.close(descriptor)


def _merged(
    progress: Optional[float], remaining: Optional[float], metrics: Optional[Mapping[str, Any]]
) -> Dict[str, Any]:
    # The server replaces the whole status by what it is sent, so every report is complete.
    with _lock:
        if progress is not None:
            _newest["progressPercentage"] = int(max(0, min(100, progress)))
        if remaining is not None and math.isfinite(remaining):
            _newest["estimatedRemainingSeconds"] = int(max(0, remaining))
        if metrics:
            known = {metric["name"]: metric["value"] for metric in _newest.get("metrics", [])}
            new = {str(name)[:_MAX_LENGTH]: str(value)[:_MAX_LENGTH] for name, value in metrics.items()}
            known.update({name: value for name, value in new.items() if name and value})
            if len(known) > _MAX_METRICS:
                logger.warning("%d metrics are reported, and %d are taken: the first", len(known), _MAX_METRICS)
            listed = list(known.items())[:_MAX_METRICS]
            _newest["metrics"] = [{"name": name, "value": value} for name, value in listed]
        microseconds = time.time_ns() // 1000
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(microseconds // 10**6))
        _newest["lastUpdatedTime"] = when + "." + str(microseconds % 10**6).zfill(6) + "Z"
        return dict(_newest)


def _replace(path: str, status: Dict[str, Any]) -> None:
    import json
    import tempfile

    folder, name = os.path.split(path)
    # Readers see the old report or the new one, never half of one.
    with tempfile.NamedTemporaryFile("w", dir=folder or ".", prefix=name, delete=False, encoding="utf-8") as file:
        json.dump(status, file)
    os.replace(file.name, path)


class _Sender:
    """Sends the newest report to the control plane, not too often, and the last one for sure."""

    def __init__(self, url: str) -> None:
        import atexit

        self._url = url
        self._status: Optional[Dict[str, Any]] = None
        self._offered = threading.Event()
        self._sending = threading.Lock()
        threading.Thread(target=self._run, name="kubeflow-progress", daemon=True).start()
        atexit.register(self.flush)

    def offer(self, status: Dict[str, Any]) -> None:
        self._status = status
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
            status = self._status
            if status is None:
                return True
            try:
                _post(self._url, status)
            except (OSError, ValueError) as error:
                logger.warning("could not report the progress of training: %s", error)
                return False
            if self._status is status:
                self._status = None
        return self._status is None


def _sender(url: str) -> _Sender:
    with _lock:
        if os.getpid() not in _senders:
            _senders[os.getpid()] = _Sender(url)
        return _senders[os.getpid()]


def _post(url: str, status: Dict[str, Any]) -> None:
    import json
    import ssl
    import urllib.request

    headers = {"Content-Type": "application/json"}
    token = os.environ.get(_TOKEN)
    if token:  # read for every report: the kubelet renews it
        with open(token, encoding="utf-8") as stream:
            headers["Authorization"] = "Bearer " + stream.read().strip()
    authority = os.environ.get(_AUTHORITY)
    context = ssl.create_default_context(cafile=authority) if authority and url.startswith("https") else None
    body = json.dumps({"trainerStatus": status}).encode()
    request = urllib.request.Request(url, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context):
        pass
