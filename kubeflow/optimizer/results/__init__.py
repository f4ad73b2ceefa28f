"""What came of a search, as a table, as pictures and as files; of the `OptimizationJob` that `get_job` returns."""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.optimizer.results.exports import EXPORT_FORMATS, export
    from kubeflow.optimizer.results.pictures import (
        PLOT_KINDS,
        PlotKind,
        plot,
        plot_contour,
        plot_history,
        plot_importances,
        plot_parallel,
        plot_pareto,
        plot_slice,
        save_plot,
    )
    from kubeflow.optimizer.results.trial_table import to_dataframe, trial_rows
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "exports": ("EXPORT_FORMATS", "export"),
            "pictures": (
                "PLOT_KINDS",
                "PlotKind",
                "plot",
                "plot_contour",
                "plot_history",
                "plot_importances",
                "plot_parallel",
                "plot_pareto",
                "plot_slice",
                "save_plot",
            ),
            "trial_table": ("to_dataframe", "trial_rows"),
        },
    )

__all__ = [
    "EXPORT_FORMATS",
    "PLOT_KINDS",
    "PlotKind",
    "export",
    "plot",
    "plot_contour",
    "plot_history",
    "plot_importances",
    "plot_parallel",
    "plot_pareto",
    "plot_slice",
    "save_plot",
    "to_dataframe",
    "trial_rows",
]
