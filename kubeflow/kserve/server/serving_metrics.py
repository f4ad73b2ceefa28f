"""Counters of a model server, as Prometheus reads them (text format 0.0.4)."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter

# Of kserve's own ModelServer: the default buckets of prometheus_client, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ServingMetrics:
    """What a server counts. Safe for threads.

    Args:
        model: The model's name, a label of each series.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = time.time()
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self.waiting = 0
        """Requests that have come and have no answer yet."""

    def answered(self, protocol: str, code: int) -> None:
        """Count an answer to a request for a prediction."""
        with self._lock:
            self._answers[protocol, code] += 1

    def predicted(self, seconds: float) -> None:
        """Count a call of the model, whatever came of it."""
        with self._lock:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def text(self, *, ready: bool) -> str:
        """Return all of it."""
        label = f'model_name="{self._model}"'
        with self._lock:
            answers, buckets, seconds = dict(self._answers), list(self._buckets), self._seconds
        lines = [
            "# HELP kubeflow_serving_requests_total Requests for predictions that were answered.",
            "# TYPE kubeflow_serving_requests_total counter",
        ]
        for (protocol, code), number in sorted(answers.items()):
            lines.append(f'kubeflow_serving_requests_total{{{label},protocol="{protocol}",code="{code}"}} {number}')
        lines += [
            "# HELP kubeflow_serving_requests_in_progress Requests for predictions that have no answer yet.",
            "# TYPE kubeflow_serving_requests_in_progress gauge",
            f"kubeflow_serving_requests_in_progress{{{label}}} {self.waiting}",
            "# HELP kubeflow_serving_model_ready 1 when the model is loaded.",
            "# TYPE kubeflow_serving_model_ready gauge",
            f"kubeflow_serving_model_ready{{{label}}} {int(ready)}",
            "# HELP request_predict_seconds predict request latency",  # as KServe's own servers call it
            "# TYPE request_predict_seconds histogram",
        ]
        total = 0
        for limit, number in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
            total += number
            lines.append(f'request_predict_seconds_bucket{{{label},le="{limit}"}} {total}')
        lines += [
            f"request_predict_seconds_count{{{label}}} {total}",
            f"request_predict_seconds_sum{{{label}}} {seconds:.9g}",
            "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._started:.3f}",
        ]
        return "\n".join(lines) + "\n"
