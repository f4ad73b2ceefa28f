"""The commands by name. A new one gets a line here, and a function in a module below `kubeflow.cli.commands`.

The module is imported when its command is called, and not for the list of commands.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, cast

TRAINING, LOOKING, CHANGING, OBJECTS, ABOUT = "Train", "Look at jobs", "Change jobs", "Other", "Other"
TUNING, SERVING, MODELS = "Search for hyperparameters", "Serve models", "Model registry"
"""The sections of `kubeflow --help`, in their order."""


class CommandEntry(NamedTuple):
    """One command.

    Attributes:
        name: What follows `kubeflow` on a command line.
        section: Under which heading `kubeflow --help` lists it.
        place: Module below `kubeflow.cli.commands` and function in it, like `"train_command:train"`.
        summary: What it does, in at most 60 characters without a full stop.
    """

    name: str
    section: str
    place: str
    summary: str

    def load(self) -> Callable[..., object]:
        """Import the module of the command, and return its function."""
        module, _, function = self.place.partition(":")
        loaded = import_module(f"kubeflow.cli.commands.{module}")
        return cast("Callable[..., object]", getattr(loaded, function))


COMMANDS = (
    CommandEntry("train", TRAINING, "train_command:train", "Train a script, a function, a module or an image"),
    CommandEntry("render", TRAINING, "train_command:render", "Print the TrainJob that train would send, as YAML"),
    CommandEntry("runtimes", TRAINING, "runtime_command:runtimes", "List runtimes, or show one"),
    CommandEntry("jobs", LOOKING, "job_lists:jobs", "List jobs"),
    CommandEntry("get", LOOKING, "job_lists:get", "Show one job, or several"),
    CommandEntry("logs", LOOKING, "log_command:logs", "Print the log of a job, and follow it"),
    CommandEntry("wait", LOOKING, "wait_command:wait", "Wait until jobs have ended, or for another status"),
    CommandEntry("explain", LOOKING, "job_findings:explain", "Say where a job is, why, and what to try"),
    CommandEntry("events", LOOKING, "job_findings:events", "List what happened to a job"),
    CommandEntry("metrics", LOOKING, "metrics_command:metrics", "Show the metrics of a job"),
    CommandEntry("report", LOOKING, "report_command:report", "Write what is known of a job as a page of HTML"),
    CommandEntry("result", LOOKING, "job_findings:result", "Print what the function of a job returned"),
    CommandEntry("output", LOOKING, "job_findings:job_output", "Print where the output of a job is"),
    CommandEntry("suspend", CHANGING, "job_changes:suspend", "End the processes of jobs, and keep the jobs"),
    CommandEntry("resume", CHANGING, "job_changes:resume", "Start suspended jobs anew"),
    CommandEntry("stop", CHANGING, "job_changes:stop", "End jobs for good, and keep their logs"),
    CommandEntry("delete", CHANGING, "job_changes:delete", "End jobs, and forget them with their logs"),
    CommandEntry("tune", TUNING, "tune_command:tune", "Search for the best parameters of a job"),
    CommandEntry("trials", TUNING, "search_commands:trials", "List the trials of a search"),
    CommandEntry("best", TUNING, "search_commands:best", "Show the best parameters that a search has found"),
    CommandEntry("searches", TUNING, "search_commands:searches", "List searches"),
    CommandEntry("searches get", TUNING, "search_commands:get_search", "Show a search"),
    CommandEntry("searches wait", TUNING, "search_commands:wait_for_search", "Wait until a search is complete"),
    CommandEntry("searches explain", TUNING, "search_commands:explain_search", "Say where a search is, and why"),
    CommandEntry("searches suspend", TUNING, "search_commands:suspend_searches", "Start no further trials"),
    CommandEntry("searches resume", TUNING, "search_commands:resume_searches", "Let suspended searches go on"),
    CommandEntry("searches stop", TUNING, "search_commands:stop_searches", "End searches, and keep their results"),
    CommandEntry("searches delete", TUNING, "search_commands:delete_searches", "End searches and forget them"),
    CommandEntry("services", SERVING, "service_commands:services", "List services of models"),
    CommandEntry("services get", SERVING, "service_commands:get_service", "Show a service"),
    CommandEntry("services serve", SERVING, "service_commands:serve", "Make a service of a model"),
    CommandEntry("services wait", SERVING, "service_commands:wait_for_service", "Wait until a service answers"),
    CommandEntry("services predict", SERVING, "service_commands:predict", "Ask a service for predictions"),
    CommandEntry("services logs", SERVING, "service_commands:service_logs", "Print what a service writes"),
    CommandEntry("services explain", SERVING, "service_commands:explain_service", "Say where a service is, and why"),
    CommandEntry("services delete", SERVING, "service_commands:delete_services", "End services and forget them"),
    CommandEntry("models", MODELS, "model_commands:models", "List registered models"),
    CommandEntry("models get", MODELS, "model_commands:get_model", "Show a model, or one of its versions"),
    CommandEntry("models versions", MODELS, "model_commands:versions", "List the versions of a model"),
    CommandEntry("models artifact", MODELS, "model_commands:artifact", "Show where the files of a version are"),
    CommandEntry("models register", MODELS, "model_commands:register", "Register a version of a model"),
    CommandEntry("unpack", OBJECTS, "unpack_command:unpack", "Write the code in a TrainJob to files"),
    CommandEntry("doctor", ABOUT, "doctor_command:doctor", "Show what works here, what is missing, and why"),
    CommandEntry("completion", ABOUT, "completion_command:completion", "Print a script that completes commands"),
)


def command_named(name: str) -> CommandEntry | None:
    """Return the command of this name; `None` when there is none."""
    return next((entry for entry in COMMANDS if entry.name == name), None)
