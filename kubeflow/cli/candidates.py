"""`kubeflow __complete WORD...`: what the last, unfinished word of a command line can become.

What a word is follows from the placeholder of its argument or option in the help texts: `JOB`, `RUNTIME`, `CONTEXT`,
and so on. A placeholder that has no function here is left to the shell, which offers files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubeflow.cli.command_table import COMMANDS, command_named
from kubeflow.cli.shared_options import BackendName, ConnectionOptions
from kubeflow.core.errors import KubeflowError

Candidate = tuple[str, str]
"""A word, and what it is."""

_MOST = 200  # jobs; the newest


@dataclass(frozen=True)
class UnfinishedLine:
    """What of a command line stands before the unfinished word: where jobs are, and the arguments of the command."""

    connection: ConnectionOptions
    words: Sequence[str]


def print_candidates(words: Sequence[str]) -> int:
    """Print the candidates for the last of these words, one a line, with what each is after a tab.

    Nothing is printed where there are none, and where the backend cannot be asked: completion has no place for errors.

    Args:
        words: What follows `kubeflow` on the command line, up to and with the unfinished word.
    """
    try:
        found = list(candidates(words))
    except (KubeflowError, OSError):
        return 1
    for word, meaning in found:
        sys.stdout.write(f"{word}\t{meaning}\n")
    return 0


def candidates(words: Sequence[str]) -> Iterable[Candidate]:
    """Return what the last of the words can become."""
    *before, unfinished = words or [""]
    if unfinished == "=":  # bash takes `--output=json` for three words
        unfinished = ""
    before = [word for number, word in enumerate(before) if word != "=" or not before[number - 1].startswith("--")]
    name = next((word for word in before if not word.startswith("-")), None)
    if name is None:
        known = [(entry.name, entry.summary) for entry in COMMANDS if " " not in entry.name]
        known += [("--help", "Show the commands"), ("--version", "Show the version")]
        return [candidate for candidate in known if candidate[0].startswith(unfinished)]
    below = [(entry.name.partition(" ")[2], entry.summary) for entry in COMMANDS if entry.name.startswith(f"{name} ")]
    second = next((word for word in before[before.index(name) + 1 :] if not word.startswith("-")), "")
    if below and not second and not unfinished.startswith("-"):
        return [candidate for candidate in below if candidate[0].startswith(unfinished)]
    before.remove(name)
    entry = command_named(f"{name} {second}")
    if entry is not None:
        before.remove(second)
    else:
        entry = command_named(name)
    if entry is None:
        return []
    from kubeflow.cli.typer_commands import typer_command

    return _of_command(typer_command(entry), before, unfinished)


def _of_command(command: Any, given: Sequence[str], unfinished: str) -> Iterable[Candidate]:
    if "--" in given:
        return []
    options = {option: param for param in command.params for option in param.opts if option.startswith("-")}
    line = UnfinishedLine(_connection(given), _positional(given, options))
    if unfinished.startswith("--") and "=" in unfinished:
        option, _, value = unfinished.partition("=")
        return [(f"{option}={word}", meaning) for word, meaning in _values(options.get(option), line, value)]
    if given and given[-1] in options and _takes_value(options[given[-1]]):
        return _values(options[given[-1]], line, unfinished)
    if unfinished.startswith("-"):
        shown = [param for param in command.params if param.param_type_name == "option"]
        listed = [(max(param.opts, key=len), str(param.help or "").partition(". ")[0]) for param in shown]
        listed.append(("--help", "Show the help"))
        return [candidate for candidate in listed if candidate[0].startswith(unfinished)]
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    for position, param in enumerate(arguments):
        if position == len(line.words) or param.nargs != 1:
            return _values(param, line, unfinished)
    return []


def _takes_value(param: Any) -> bool:
    return not getattr(param, "is_flag", False)


def _positional(given: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    skip = False
    for word in given:
        if not skip and not word.startswith("-"):
            words.append(word)
        skip = not skip and word in options and _takes_value(options[word])
    return words


def _connection(given: Sequence[str]) -> ConnectionOptions:
    found: dict[str, Any] = {}
    fields = {"--backend": "backend", "--namespace": "namespace", "-n": "namespace", "--context": "context"}
    fields["--kubeconfig"] = "kubeconfig"
    for word, following in zip(given, [*given, ""][1:], strict=True):
        option, equals, value = word.partition("=")
        if option in fields:
            found[fields[option]] = value if equals else following
    if "backend" in found:
        found["backend"] = BackendName(found["backend"]) if found["backend"] in list(BackendName) else None
    return ConnectionOptions(**found)


def _values(param: Any, line: UnfinishedLine, unfinished: str) -> Iterable[Candidate]:
    placeholder = "" if param is None else str(param.metavar or "").strip("[].")
    find = VALUES.get(placeholder)
    found = find(line) if find is not None else ()
    return [candidate for candidate in found if candidate[0].startswith(unfinished) and candidate[0] not in line.words]


def _jobs(line: UnfinishedLine) -> Iterable[Candidate]:
    jobs = line.connection.trainer().list_jobs()
    return [(job.name, f"{job.status}, {job.runtime.name}") for job in reversed(jobs[-_MOST:])]


def _runtimes(line: UnfinishedLine) -> Iterable[Candidate]:
    runtimes = line.connection.trainer().list_runtimes()
    return [(runtime.name, f"{runtime.trainer.framework}, {runtime.phase}") for runtime in runtimes]


def _steps(line: UnfinishedLine) -> Iterable[Candidate]:
    job = line.connection.trainer().get_job(line.words[0]) if line.words else None
    return [(step.name, step.status or "") for step in job.steps] if job is not None else []


def _metrics(line: UnfinishedLine) -> Iterable[Candidate]:
    history = line.connection.trainer().get_job_metrics(line.words[0])
    return [(name, f"{history.latest(name):.6g}") for name in history.names]


def _statuses(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.trainer.types.jobs import AWAITABLE

    return [(status, "") for status in AWAITABLE]


def _contexts(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.cluster.credentials.kubeconfig import read

    files = line.connection.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    return [(name, "") for name in read(files).contexts]


def _searches(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.optimizer import OptimizerClient

    searches = OptimizerClient(line.connection.config()).list_jobs()
    return [(search.name, search.status) for search in reversed(searches[-_MOST:])]


def _services(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.kserve import KServeClient

    config: Any = line.connection.config()
    return [(service.name, service.status) for service in KServeClient(config).list_services()]


def _models(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.hub import ModelRegistryClient

    found = ModelRegistryClient().list_models(descending=True)
    return [(model.name, model.description or "") for model, _ in zip(found, range(_MOST), strict=False)]


def _sections(line: UnfinishedLine) -> Iterable[Candidate]:
    from kubeflow.doctor import SECTIONS

    return [(name, "") for name in SECTIONS]


def _listed(**meanings: str) -> Callable[[UnfinishedLine], Iterable[Candidate]]:
    return lambda line: meanings.items()


VALUES: Mapping[str, Callable[[UnfinishedLine], Iterable[Candidate]]] = {
    "JOB": _jobs,
    "RUNTIME": _runtimes,
    "STEP": _steps,
    "METRIC": _metrics,
    "STATUS": _statuses,
    "CONTEXT": _contexts,
    "SEARCH": _searches,
    "SERVICE": _services,
    "MODEL": _models,
    "SECTION": _sections,
    "BACKEND": _listed(kubernetes="a cluster", localprocess="processes of this machine", container="docker or podman"),
    "FORMAT": _listed(table="for people", json="for scripts", yaml="for scripts", name="a name a line"),
    "SHELL": _listed(bash="", zsh="", fish=""),
    "PHASE": _listed(**{"pre-training": "runs your code", "post-training": "brings a trainer of its own"}),
}
"""The candidates for a placeholder of the help texts."""
