"""`kubeflow searches`, `kubeflow trials` and `kubeflow best`: what becomes of searches for hyperparameters."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from kubeflow.cli.command_times import seconds_of, when
from kubeflow.cli.failures import ExitCode, tell
from kubeflow.cli.for_each import change_each
from kubeflow.cli.result_output import ResultColumn, print_item, print_items
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.text_styles import status_style
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import OptimizationJob, OptimizerClient, Trial
from kubeflow.optimizer.types.optimization_types import ENDED
from kubeflow.optimizer.types.trial_text import parameters_text, values_text
from kubeflow.trainer.diagnosis.diagnosis import clock, section


def trials_text(search: OptimizationJob) -> str:
    """Return how many trials have ended, like `3/20`."""
    return f"{sum(trial.status in ENDED for trial in search.trials)}/{search.trial_config.num_trials}"


def best_text(search: OptimizationJob) -> str:
    """Return the best values so far, like `loss=0.31`; empty while there are none."""
    return "" if search.best_trial is None else values_text(search, search.best_trial)


SEARCH_COLUMNS: Sequence[ResultColumn[OptimizationJob]] = (
    ResultColumn("NAME", lambda search: search.name),
    ResultColumn("STATUS", lambda search: search.status, status_style),
    ResultColumn("TRIALS", trials_text),
    ResultColumn("BEST", best_text),
    ResultColumn("ENGINE", lambda search: search.engine),
    ResultColumn("CREATED", lambda search: when(search.creation_timestamp)),
)
SearchName = Annotated[str, typer.Argument(metavar="SEARCH", help="The search.")]
SearchNames = Annotated[list[str], typer.Argument(metavar="SEARCH", help="Names of searches.")]
WaitLimit = Annotated[str | None, typer.Option("--timeout", metavar="TIME", help="How long to wait, like 2h.")]


def searches(connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """List searches for hyperparameters, oldest first.

    More commands are `kubeflow searches get`, `wait`, `explain`, `suspend`, `resume`, `stop` and `delete`; `kubeflow
    tune` makes one.

    $ kubeflow searches
    $ kubeflow searches wait fit-3f2a
    """
    print_items(optimizer(connection).list_jobs(), SEARCH_COLUMNS, output, none="There are no searches.")


def get_search(name: SearchName, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """Show a search: what it looks for, how far it is, and the best so far.

    $ kubeflow searches get fit-3f2a -o json
    """
    search = optimizer(connection).get_job(name)
    print_item(search, output, lambda: search_text(search))


def trials(name: SearchName, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """List the trials of a search by their numbers. Each is a job: `kubeflow logs TRIAL` prints its log.

    $ kubeflow trials fit-3f2a
    """
    search = optimizer(connection).get_job(name)
    columns: Sequence[ResultColumn[Trial]] = (
        ResultColumn("NAME", lambda trial: trial.name),
        ResultColumn("STATUS", lambda trial: trial.status, status_style),
        ResultColumn("VALUES", lambda trial: values_text(search, trial)),
        ResultColumn("PARAMETERS", parameters_text),
        ResultColumn("WHY", lambda trial: trial.reason),
    )
    print_items(search.trials, columns, output, none=f"Search {name} has no trials yet.")


def best(
    name: SearchName,
    connection: ConnectionOptions,
    as_args: Annotated[
        bool, typer.Option("--as-args", help="Print the parameters as options: --arg lr=0.01 --arg batch=32.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
) -> int | None:
    """Show the best trial of a search: its parameters and metrics. The exit code is 7 while no trial is complete.

    $ kubeflow best fit-3f2a
    $ kubeflow train digits:fit $(kubeflow best fit-3f2a --as-args)
    """
    search = optimizer(connection).get_job(name)
    trial = search.best_trial
    if trial is None:
        tell(f"No trial of search {name} is complete: it is {search.status}, {trials_text(search)} trials have ended.")
        return ExitCode.NOT_READY
    if as_args:
        print(arguments_text(trial))
    else:
        print_item(trial, output, lambda: best_trial_text(search, trial))
    return None


def wait_for_search(
    name: SearchName,
    connection: ConnectionOptions,
    timeout: WaitLimit = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Wait until a search is complete; its changes are told on stderr.

    $ kubeflow searches wait fit-3f2a --timeout 2h
    """
    search = waited(optimizer(connection), name, None if timeout is None else seconds_of(timeout, "--timeout"))
    print_item(search, output, lambda: search.name)


def explain_search(name: SearchName, connection: ConnectionOptions) -> None:
    """Say where a search is and why: trials that failed or do not start, and what to try.

    $ kubeflow searches explain fit-3f2a
    """
    print(optimizer(connection).explain(name))


def suspend_searches(
    names: SearchNames, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE
) -> int | None:
    """Start no further trial and end those that run; `kubeflow searches resume` runs them anew.

    $ kubeflow searches suspend fit-3f2a
    """
    client = optimizer(connection)
    return _change(client, names, output, "suspended", client.suspend_job)


def resume_searches(
    names: SearchNames, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE
) -> int | None:
    """Let suspended searches go on.

    $ kubeflow searches resume fit-3f2a
    """
    client = optimizer(connection)
    return _change(client, names, output, "resumed", client.resume_job)


def stop_searches(
    names: SearchNames, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE
) -> int | None:
    """End searches for good, and keep them with their trials and results.

    $ kubeflow searches stop fit-3f2a
    """
    client = optimizer(connection)
    return _change(client, names, output, "stopped", client.stop_job)


def delete_searches(
    names: SearchNames, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE
) -> int | None:
    """End searches, and forget them with their trials and their logs.

    $ kubeflow searches delete fit-3f2a
    """
    return change_each(names, "deleted", output, optimizer(connection).delete_job)


def _change(
    client: OptimizerClient, names: list[str], output: OutputFormat, done: str, act: Callable[[str], None]
) -> int | None:
    return change_each(names, done, output, act, lambda name: client.get_job(name).to_dict())


def optimizer(connection: ConnectionOptions, engine: Any = "auto") -> OptimizerClient:
    """Return the client of searches; raises as it does."""
    return OptimizerClient(connection.config(), engine)


def waited(client: OptimizerClient, name: str, limit: float | None) -> OptimizationJob:
    """Wait until a search is complete, and tell its changes on stderr."""
    seconds = math.inf if limit is None else limit
    return client.wait_for_job_status(name, timeout=seconds, callbacks=[_change_teller()], progress=False)


def search_text(search: OptimizationJob) -> str:
    """Return what people want to know of a search."""
    aims = ", ".join(f"{'maximize' if aim.maximizes else 'minimize'} {aim.metric}" for aim in search.objectives)
    found = search.best_trial
    facts = {
        "Name": search.name,
        "Status": f"{search.status}{f': {search.reason}' if search.reason else ''}",
        "Objective": aims,
        "Algorithm": "" if search.algorithm is None else repr(search.algorithm),
        "Trials": trials_text(search),
        "Best": "" if found is None else f"{best_text(search)} with {parameters_text(found)} ({found.name})",
        "Engine": search.engine,
        "Created": clock(search.creation_timestamp),
    }
    lines = [f"{f'{title}:':<11}{fact}" for title, fact in facts.items() if fact]
    return "\n".join([*lines, *section("Notes", search.notes)])


def best_trial_text(search: OptimizationJob, trial: Trial) -> str:
    """Return the best trial: its values, and its parameters, one a line."""
    lines = [f"Trial:  {trial.name}", f"Values: {values_text(search, trial)}"]
    return "\n".join([*lines, *section("Parameters", [f"{name}={value}" for name, value in trial.parameters.items()])])


def arguments_text(trial: Trial) -> str:
    """Return parameters as options of `kubeflow train`, on one line for `$(...)`.

    Raises:
        InvalidInput: A value has a blank in it, which the shell would take for two words.
    """
    words: list[str] = []
    for name, value in trial.parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if len(text.split()) != 1:
            raise InvalidInput(f"--as-args: {name}={text!r} is not one word: take the parameters from `-o json`.")
        words.append(f"--arg {name}={text}")
    return " ".join(words)


def _change_teller() -> Callable[[OptimizationJob], None]:
    last = ""

    def tell_change(search: OptimizationJob) -> None:
        nonlocal last
        found = best_text(search)
        text = f"{search.name}: {search.status}, {trials_text(search)} trials{f', best {found}' if found else ''}"
        if text != last:
            sys.stderr.write(f"{text}\n")
        last = text

    return tell_change
