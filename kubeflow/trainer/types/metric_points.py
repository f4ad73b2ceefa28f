"""One value of a metric of a job, and where it came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields

MetricSource = Literal["returned", "reported", "status", "printed"]
"""How a job gave a metric: as what its function returned, by `kubeflow.optimizer.report`, by `update_trainjob_status`,
or in a printed line like `loss=0.3` or `loss: 0.3`."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric.

    Attributes:
        name: The metric.
        value: Its value, which may be NaN or infinite.
        source: How the job gave it.
        step: The step that it is of, as the job counts; `None` where it did not say.
        time: When it was given, with time zone; `None` where that is not known.
        rank: The rank that reported it; `None` where that is not known, as of a printed line.
    """

    name: str
    value: float
    source: MetricSource
    step: int | None = None
    time: datetime | None = None
    rank: int | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    @property
    def finite(self) -> bool:
        """True when the value is a number: neither NaN nor infinite."""
        return math.isfinite(self.value)
