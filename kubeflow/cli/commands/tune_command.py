"""`kubeflow tune`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.commands.search_commands import waited
from kubeflow.cli.result_output import print_data, print_name
from kubeflow.cli.search_syntax import algorithm, early_stopping, objectives, search_space
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.train_options import TrainOptions
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import BaseAlgorithm, EarlyStopping, Objective, OptimizerClient, TrainJobTemplate, TrialConfig
from kubeflow.optimizer.api.engine_choice import EngineWish

if TYPE_CHECKING:
    from kubeflow.optimizer.engines.engine import Rendered


class _SearchArguments(TypedDict):
    """The arguments of `OptimizerClient.optimize` that this command gives."""

    search_space: Mapping[str, object]
    objectives: Sequence[Objective]
    algorithm: BaseAlgorithm
    early_stopping: EarlyStopping | None
    trial_config: TrialConfig
    name: str | None
    resume: bool


def tune(
    training: TrainOptions,
    connection: ConnectionOptions,
    space: Annotated[
        list[str] | None,
        typer.Option("--space", "-s", metavar="NAME=SPACE", help="What is drawn, like lr=loguniform(1e-4,1e-1)."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME[:DIRECTION]", help="What counts; else loss; repeatable."),
    ] = None,
    direction: Annotated[
        str, typer.Option("--direction", metavar="DIRECTION", help="Of metrics: minimize (the default) or maximize.")
    ] = "minimize",
    goal: Annotated[
        float | None, typer.Option("--goal", metavar="VALUE", help="End when the first metric is as good as this.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", metavar="N", min=1, help="Trials in all; else 10.")] = 10,
    parallel: Annotated[int, typer.Option("--parallel", metavar="N", min=1, help="Trials at once; else 1.")] = 1,
    algorithm_name: Annotated[
        str,
        typer.Option(
            "--algorithm",
            metavar="ALGORITHM",
            help="random (the default), grid, tpe, bayesian, cmaes, sobol, nsgaii, hyperband(27), pbt; with settings "
            "as in tpe(n_startup_trials=5).",
        ),
    ] = "random",
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="The same draws each time.")] = None,
    stopping: Annotated[
        str | None,
        typer.Option("--early-stopping", metavar="RULE", help="median, percentile(25) or asha: ends poor trials."),
    ] = None,
    max_failed: Annotated[
        int | None, typer.Option("--max-failed", metavar="N", min=0, help="The search fails after more failed trials.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", metavar="TIME", help="No further trial after this, like 2h.")
    ] = None,
    trial_time_limit: Annotated[
        str | None, typer.Option("--trial-time-limit", metavar="TIME", help="A trial that takes longer fails.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="ENGINE", help="auto, client, katib or optimizationjob.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search of this --name.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Return when the search is complete.")] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="How long --wait waits, like 2h.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Start nothing; print what stands for the search.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Search for the parameters with which a job does best, and print the name of the search.

    What runs is said as for `kubeflow train`; spaces stand in place of arguments. Spaces are uniform(0,1),
    loguniform(1e-4,1e-1), normal(0,1), lognormal(0,1), int(1,10) and choice(16,32), with step= or log= as in int(8,64,
    step=8). A function gives its metric by returning it, or with `kubeflow.optimizer.report`; a script prints
    `loss=0.3`.

    $ kubeflow tune digits:fit -s 'lr=loguniform(1e-4,1e-1)' --trials 20
    $ kubeflow tune digits:fit -s 'lr=uniform(0,1)' --metric accuracy:maximize
    $ kubeflow tune digits:fit -s 'batch=choice(16,32)' --algorithm grid --wait
    """
    if not space:
        raise InvalidInput("--space is missing: say what is drawn, like --space 'lr=loguniform(1e-4,1e-1)'.")
    if wait and dry_run:
        raise InvalidInput("--wait waits for a search, and --dry-run starts none: leave out one of the two.")
    if timeout is not None and not wait:
        raise InvalidInput("--timeout is of --wait: add it. --time-limit ends a search.")
    if parallel > trials:
        raise InvalidInput(
            f"--parallel {parallel} is more than --trials {trials}: there are not as many to run at once."
        )
    limit = None if timeout is None else seconds_of(timeout, "--timeout")
    config = TrialConfig(
        trials,
        parallel,
        max_failed,
        None if time_limit is None else seconds_of(time_limit, "--time-limit"),
        None if trial_time_limit is None else seconds_of(trial_time_limit, "--trial-time-limit"),
    )
    given: _SearchArguments = {
        "search_space": search_space(space),
        "objectives": objectives(metric or (), direction, goal),
        "algorithm": algorithm(algorithm_name, seed),
        "early_stopping": None if stopping is None else early_stopping(stopping),
        "trial_config": config,
        "name": training.name,
        "resume": resume,
    }
    template = _template(training)
    client = OptimizerClient(training.config(connection.config(offline=False)), _engine(engine))
    if dry_run:
        _print_objects(client.optimize(template, dry_run=True, **given), output)
        return
    search = client.optimize(template, **given)
    if wait:
        waited(client, search, limit)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(client.get_job(search), output)
    else:
        print_name(search)


def _template(training: TrainOptions) -> TrainJobTemplate:
    arguments = training.arguments()
    if "output" in arguments:
        raise InvalidInput("--job-output is of one job, and trials are many: train with the best parameters after it.")
    if "trainer" not in arguments:
        raise InvalidInput("Nothing says what trials run: name a script, a function (module:function) or an image.")
    return TrainJobTemplate(
        arguments["trainer"], arguments.get("runtime"), arguments.get("initializer"), arguments.get("options")
    )


def _engine(text: str) -> EngineWish:
    engines: dict[str, EngineWish] = {
        "auto": "auto",
        "client": "client",
        "katib": "katib",
        "optimizationjob": "optimizationjob",
    }
    if text not in engines:
        raise InvalidInput(f"--engine is one of {', '.join(engines)}, not {text!r}.")
    return engines[text]


def _print_objects(rendered: Rendered, output: OutputFormat) -> None:
    made = rendered if isinstance(rendered, list) else [rendered]
    if output is OutputFormat.JSON:
        print(json.dumps([each.to_dict() for each in made], indent=2))
    else:
        sys.stdout.write("---\n".join(each.to_yaml() for each in made))
