"""The metrics of a job as a table of pandas: a row for each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.core.errors import MissingExtra
from kubeflow.trainer.types.metric_points import MetricPoint

if TYPE_CHECKING:
    import pandas as pd


def metric_frame(points: Sequence[MetricPoint]) -> pd.DataFrame:
    """Return a row for each value, in their order; see `MetricHistory.to_dataframe` for the columns.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("A data frame", "pandas>=2.2", "plots") from None
    times = pd.Series([point.time for point in points], dtype="object")
    return pd.DataFrame(
        {
            "metric": pd.Series([point.name for point in points], dtype="object"),
            "rank": pd.array([point.rank for point in points], dtype="Int64"),
            "step": pd.array([point.step for point in points], dtype="Int64"),
            "time": pd.to_datetime(times, utc=True),
            "value": pd.Series([point.value for point in points], dtype="float64"),
            "source": pd.Series([point.source for point in points], dtype="object"),
        }
    )
