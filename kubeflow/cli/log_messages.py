"""What the SDK logs, for people at a terminal: on stderr, in the words of the command line."""

from __future__ import annotations

import logging
import sys

from kubeflow.cli.wording import in_command_words


class CommandLineHandler(logging.Handler):
    """Writes messages to stderr, whatever that is at the time: without time and logger, unless for debugging."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        text = in_command_words(record.getMessage())
        if record.levelno < logging.WARNING:
            text = f"{record.name}: {text}"
        sys.stderr.write(f"{text}\n")


def show_log_messages(*, debug: bool) -> None:
    """Write the SDK's warnings to stderr; with `debug` all that it logs."""
    logger = logging.getLogger("kubeflow")
    if not any(isinstance(handler, CommandLineHandler) for handler in logger.handlers):
        logger.addHandler(CommandLineHandler())
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
