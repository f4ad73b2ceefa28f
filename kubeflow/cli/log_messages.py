"""What the SDK logs, for people at a terminal: on stderr, in the words of the command line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager

from kubeflow.cli.wording import in_command_words


class CommandLineHandler(logging.Handler):
    """Writes messages to stderr, whatever that is at the time: without time and logger, unless for debugging."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        text = in_command_words(record.getMessage())
        if record.levelno < logging.WARNING:
            text = f"{record.name}: {text}"
        sys.stderr.write(f"{text}\n")


@contextmanager
def log_messages_shown(*, debug: bool) -> Generator[None]:
    """Write the SDK's warnings to stderr in the block; with `debug` all that it logs.

    After the block its logger is as it was: `main` may be called in a process that has other plans.
    """
    logger = logging.getLogger("kubeflow")
    level, propagate = logger.level, logger.propagate
    handler = CommandLineHandler()
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
