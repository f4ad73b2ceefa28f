"""Results on stdout: as a table for people, or as JSON, YAML or names for scripts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kubeflow.cli.shared_options import OutputFormat
from kubeflow.cli.text_tables import table
from kubeflow.core.plain import plain
from kubeflow.core.terminal_text import is_terminal


class Named(Protocol):
    """What has a name, as jobs, trials and services do."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


Item = TypeVar("Item")


@dataclass(frozen=True)
class ResultColumn(Generic[Item]):
    """A column of a table of results.

    Attributes:
        title: Its head, in capitals.
        text: Return what stands in it for an item.
        style: Return a style of `text_styles` for the text; empty for none.
    """

    title: str
    text: Callable[[Item], str]
    style: Callable[[str], str] = lambda text: ""


def print_items(
    items: Sequence[Item],
    columns: Sequence[ResultColumn[Item]],
    output: OutputFormat,
    *,
    none: str,
    name: Callable[[Item], str] = lambda item: str(getattr(item, "name")),  # noqa: B009  (any class of results)
) -> None:
    """Print a list: an array as JSON or YAML, a line for each name, or a table.

    Args:
        items: The results.
        columns: Of the table.
        output: The form.
        none: What to say on stderr in place of a table without rows.
        name: Return what an item is called. Default: its `name`.
    """
    if output is OutputFormat.NAME:
        for item in items:
            print_name(name(item))
    elif output is not OutputFormat.TABLE:
        print_data(items, output)
    elif items:
        print_table(items, columns)
    else:
        sys.stderr.write(f"{none}\n")


def print_table(items: Sequence[Item], columns: Sequence[ResultColumn[Item]]) -> None:
    """Print a table: as wide as it is to a pipe, and within the columns of a terminal."""
    rows = [[column.text(item) for column in columns] for item in items]
    styles = [column.style for column in columns]
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    for line in table([column.title for column in columns], rows, styles, width, sys.stdout):
        print(line)


def print_item(item: Named, output: OutputFormat, text: Callable[[], str]) -> None:
    """Print one result: an object as JSON or YAML, its name, or a text."""
    if output is OutputFormat.TABLE:
        print(text())
    elif output is OutputFormat.NAME:
        print_name(item.name)
    else:
        print_data(item, output)


def print_name(name: str) -> None:
    """Print the name of something, at once: whoever reads it may need it while this command goes on."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def print_log(lines: Iterable[str], *, follow: bool) -> None:
    """Print the lines of a log; with `follow` each at once."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        if follow:
            sys.stdout.flush()


def print_data(value: object, output: OutputFormat) -> None:
    """Print any value as YAML, else as JSON, in the form of `to_dict()`."""
    if output is OutputFormat.YAML:
        from kubeflow.core import yaml_text

        sys.stdout.write(yaml_text.write(plain(value)))
    else:
        import json

        print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))
