"""What an error means to whoever called the command: words on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from enum import IntEnum

from kubeflow.cli.text_styles import RED, styled
from kubeflow.cli.wording import in_command_words
from kubeflow.core.terminal_text import is_terminal


class ExitCode(IntEnum):
    """The exit codes of `kubeflow`. docs/cli.md says when each comes."""

    DONE = 0
    JOB_FAILED = 1
    BROKEN = 1  # what `doctor` has found
    WRONG_INPUT = 2
    NOT_FOUND = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    UNSUPPORTED = 6
    NOT_READY = 7
    ERROR = 8
    BUG = 70
    INTERRUPTED = 130
    CLOSED_PIPE = 141


# By the dotted name of the class, so that no client is loaded here. The first class of an error's bases counts that is
# listed.
CODES: dict[str, ExitCode] = {
    "kubeflow.trainer.errors.JobFailed": ExitCode.JOB_FAILED,
    "kubeflow.kserve.errors.ServiceFailed": ExitCode.JOB_FAILED,
    "kubeflow.optimizer.errors.OptimizationFailed": ExitCode.JOB_FAILED,
    "kubeflow.optimizer.errors.OptimizationNotFound": ExitCode.NOT_FOUND,
    "kubeflow.optimizer.errors.OptimizationWaitTimeout": ExitCode.TIMED_OUT,
    "kubeflow.hub.errors.RegistryUnavailable": ExitCode.UNREACHABLE,
    "kubeflow.kserve.errors.NoEndpoint": ExitCode.UNREACHABLE,
    "kubeflow.trainer.errors.JobNotFound": ExitCode.NOT_FOUND,
    "kubeflow.trainer.errors.RuntimeNotFound": ExitCode.NOT_FOUND,
    "kubeflow.kserve.errors.ServiceNotFound": ExitCode.NOT_FOUND,
    "kubeflow.hub.errors.ModelNotFound": ExitCode.NOT_FOUND,
    "kubeflow.cluster.errors.NotFound": ExitCode.NOT_FOUND,
    "kubeflow.trainer.errors.JobWaitTimeout": ExitCode.TIMED_OUT,
    "kubeflow.kserve.errors.ServiceWaitTimeout": ExitCode.TIMED_OUT,
    "kubeflow.trainer.errors.JobNotFinished": ExitCode.NOT_READY,
    "kubeflow.trainer.errors.NoJobResult": ExitCode.NOT_READY,
    "kubeflow.trainer.errors.NoJobOutput": ExitCode.NOT_READY,
    "kubeflow.trainer.errors.Unsupported": ExitCode.UNSUPPORTED,
    "kubeflow.core.errors.MissingExtra": ExitCode.UNSUPPORTED,
    "kubeflow.cluster.errors.Invalid": ExitCode.WRONG_INPUT,
    "kubeflow.cluster.errors.AlreadyExists": ExitCode.WRONG_INPUT,
    "kubeflow.cluster.errors.ClusterError": ExitCode.UNREACHABLE,
    "kubeflow.core.errors.InvalidInput": ExitCode.WRONG_INPUT,
    "kubeflow.core.errors.KubeflowError": ExitCode.ERROR,
    "builtins.TimeoutError": ExitCode.TIMED_OUT,
    "builtins.OSError": ExitCode.ERROR,
    "builtins.KeyboardInterrupt": ExitCode.INTERRUPTED,
}
_ISSUES = "https://github.com/kubeflow/sdk/issues"


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code that an error ends the command with."""
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    return next((CODES[name] for name in names if name in CODES), ExitCode.BUG)


def told(error: BaseException, *, debug: bool = False) -> int:
    """Write on stderr what an error says, and return the exit code.

    Args:
        error: What ended the command.
        debug: Write its traceback too.
    """
    if isinstance(error, BrokenPipeError):
        # Whoever read has gone, as `| head` does. Python flushes stdout at the end once more: to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.CLOSED_PIPE
    usage = _typer_error(error)
    if usage is not None:
        return usage
    code = exit_code(error)
    if code is ExitCode.INTERRUPTED:
        sys.stderr.write("\n" if is_terminal(sys.stderr) else "")
        return code
    if debug:
        traceback.print_exception(error)
    if code is ExitCode.BUG:
        tell(f"{type(error).__name__}: {error}")
        hint = f"This is a fault of kubeflow: please report it at {_ISSUES}"
        sys.stderr.write(f"{hint}{'' if debug else ', with what --debug adds'}.\n")
        return code
    tell(in_command_words(str(error)))
    return code


def tell(message: str) -> None:
    """Write an error message on stderr."""
    sys.stderr.write(f"{styled('error:', RED, sys.stderr)} {message}\n")


def _typer_error(error: BaseException) -> int | None:
    """Write what typer says of a command line, and return its exit code; `None` for any other error."""
    if "typer" not in sys.modules:
        return None
    import typer

    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return ExitCode.INTERRUPTED
    # Its base, which is click's or typer's own, by the version of typer.
    if not isinstance(error, typer.BadParameter.__mro__[2]):
        return None
    from kubeflow.cli.usage_errors import usage_message

    sys.stderr.write(usage_message(error))
    return ExitCode.WRONG_INPUT
