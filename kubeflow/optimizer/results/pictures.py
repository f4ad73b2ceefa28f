"""Pictures of a search, as Optuna draws them: with plotly, or with matplotlib for files and papers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.optimizer.algorithms.optuna_study import optuna_module, quiet
from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.results.optuna_trials import study_of_job, warn_of
from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.trainer.types.checks import check_instance

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure
    from plotly.graph_objects import Figure as PlotlyFigure  # type: ignore[import-untyped,unused-ignore]

    Figure: TypeAlias = PlotlyFigure | MatplotlibFigure

PlotKind = Literal["history", "importances", "parallel", "contour", "slice", "pareto"]
"""What is drawn: `history`, the objective by trial; `importances`, which parameters matter; `parallel`, each trial as a
line through its parameters; `contour` and `slice`, the objective over pairs of parameters and over each; `pareto`, two
or three objectives."""

PLOT_KINDS: tuple[PlotKind, ...] = get_args(PlotKind)
Library = Literal["plotly", "matplotlib"]

_FUNCTIONS = {
    "history": "plot_optimization_history",
    "importances": "plot_param_importances",
    "parallel": "plot_parallel_coordinate",
    "contour": "plot_contour",
    "slice": "plot_slice",
    "pareto": "plot_pareto_front",
}
_LEAST = {"importances": 2, "contour": 1, "slice": 1, "parallel": 1, "history": 1, "pareto": 1}
_WEB = (".html", ".htm")
_FILES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


def plot(
    job: OptimizationJob,
    kind: PlotKind = "history",
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
    library: Library = "plotly",
) -> Figure:
    """Return a picture of a search.

    Args:
        job: The search, as `get_job` returns it.
        kind: What is drawn.
        objective: The metric, where there are several objectives. Default: the first one.
        parameters: The parameters that are drawn, for all kinds but `history` and `pareto`. Default: all.
        library: `"plotly"` is interactive, `"matplotlib"` is for files and papers.

    Raises:
        InvalidInput: There are too few complete trials, or no such objective or parameter.
        MissingExtra: A library is not installed.
    """
    if kind not in PLOT_KINDS:
        raise InvalidInput(
            f"There is no picture {kind!r}.{did_you_mean(str(kind), PLOT_KINDS)} Known: {', '.join(PLOT_KINDS)}."
        )
    if library not in get_args(Library):
        raise InvalidInput(f"library is 'plotly' or 'matplotlib', not {library!r}.")
    if find_spec(library) is None:
        raise MissingExtra("A picture", {"plotly": "plotly>=6", "matplotlib": "matplotlib>=3.8"}[library], "plots")
    optuna = optuna_module("A picture")
    arguments = _arguments(job, kind, objective, parameters)
    with quiet(optuna):
        study, outside = study_of_job(optuna, job)
        complete = sum(trial.values is not None for trial in study.trials)
        least = _LEAST[kind]
        if complete < least:
            raise InvalidInput(
                f"{kind!r} is a picture of at least {least} complete trial(s), and {job.name!r} has {complete}."
            )
        drawing = optuna.visualization if library == "plotly" else import_module("optuna.visualization.matplotlib")
        draw: Callable[..., Any] = getattr(drawing, _FUNCTIONS[kind])
        drawn = draw(study, **arguments)
    warn_of(outside, job.name)
    if library == "plotly":
        return cast("Figure", drawn)
    axes = drawn if hasattr(drawn, "figure") else drawn.flat[0]
    return cast("Figure", axes.figure)


def _arguments(
    job: OptimizationJob, kind: PlotKind, objective: str | None, parameters: Sequence[str] | None
) -> dict[str, object]:
    metrics = [aim.metric for aim in job.objectives]
    if kind == "pareto":
        if len(metrics) not in (2, 3):
            raise InvalidInput(
                f"A Pareto front is drawn of two or three objectives, and {job.name!r} has {len(metrics)}."
            )
        if objective is not None or parameters is not None:
            raise InvalidInput("The picture 'pareto' is of all objectives: leave objective= and parameters= out.")
        return {"target_names": metrics}
    if objective is not None and objective not in metrics:
        raise InvalidInput(
            f"{job.name!r} has no objective {objective!r}.{did_you_mean(objective, metrics)} "
            f"It has: {', '.join(metrics)}."
        )
    chosen = metrics[0] if objective is None else objective
    arguments: dict[str, object] = {"target_name": chosen}
    if len(metrics) > 1:
        place = metrics.index(chosen)
        arguments["target"] = lambda trial: trial.values[place]  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
    if parameters is not None:
        if isinstance(parameters, str):
            raise InvalidInput(f"parameters takes a list of names: write parameters=[{parameters!r}].")
        if kind == "history":
            raise InvalidInput("The picture 'history' is of no parameter: leave parameters= out.")
        unknown = [name for name in parameters if name not in job.search_space]
        if unknown:
            close = did_you_mean(unknown[0], job.search_space)
            known = ", ".join(job.search_space)
            raise InvalidInput(f"{job.name!r} has no parameter {unknown[0]!r}.{close} It has: {known}.")
        arguments["params"] = list(parameters)
    return arguments


def plot_history(job: OptimizationJob, *, objective: str | None = None, library: Library = "plotly") -> Figure:
    """Return the objective by trial, with the best so far; see `plot`."""
    return plot(job, "history", objective=objective, library=library)


def plot_importances(
    job: OptimizationJob,
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
    library: Library = "plotly",
) -> Figure:
    """Return how much each parameter matters for being among the good trials; see `plot`."""
    return plot(job, "importances", objective=objective, parameters=parameters, library=library)


def plot_parallel(
    job: OptimizationJob,
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
    library: Library = "plotly",
) -> Figure:
    """Return each trial as a line through its parameters; see `plot`."""
    return plot(job, "parallel", objective=objective, parameters=parameters, library=library)


def plot_contour(
    job: OptimizationJob,
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
    library: Library = "plotly",
) -> Figure:
    """Return the objective over pairs of parameters; see `plot`."""
    return plot(job, "contour", objective=objective, parameters=parameters, library=library)


def plot_slice(
    job: OptimizationJob,
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
    library: Library = "plotly",
) -> Figure:
    """Return the objective over each parameter; see `plot`."""
    return plot(job, "slice", objective=objective, parameters=parameters, library=library)


def plot_pareto(job: OptimizationJob, *, library: Library = "plotly") -> Figure:
    """Return the trials by two or three objectives, with their Pareto front; see `plot`."""
    return plot(job, "pareto", library=library)


def save_plot(
    job: OptimizationJob,
    path: str | os.PathLike[str],
    kind: PlotKind = "history",
    *,
    objective: str | None = None,
    parameters: Sequence[str] | None = None,
) -> Path:
    """Write a picture of a search to a file, and return its path.

    Args:
        job: The search.
        path: The file. `.html` is an interactive page by plotly; `.png`, `.pdf`, `.svg` and `.jpg` are by matplotlib.
        kind: As for `plot`.
        objective: As for `plot`.
        parameters: As for `plot`.

    Raises:
        InvalidInput: As for `plot`, or the file has another ending or cannot be written.
        MissingExtra: A library is not installed.
    """
    check_instance("path", path, (str, os.PathLike))
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in (*_WEB, *_FILES):
        raise InvalidInput(f"{os.fspath(path)!r} has none of the endings {', '.join((*_WEB, *_FILES))}.")
    library: Library = "plotly" if ending in _WEB else "matplotlib"
    figure: Any = plot(job, kind, objective=objective, parameters=parameters, library=library)
    try:
        if library == "plotly":
            figure.write_html(file, include_plotlyjs=True)
        else:
            figure.savefig(file, bbox_inches="tight", dpi=150)
    except OSError as error:
        raise InvalidInput(f"The picture cannot be written to {str(file)!r}: {error.strerror or error}.") from error
    finally:
        if library == "matplotlib":
            import_module("matplotlib.pyplot").close(figure)
    return file
