"""From a function to a command of typer: shared options spread out, help as text of any width, `--debug` everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from kubeflow.cli.command_table import CommandEntry
from kubeflow.cli.overview import help_width
from kubeflow.cli.shared_options import COMMON
from kubeflow.cli.wrapping import entries, paragraph

_OPTIONS = "Options"
_DEBUG = inspect.Parameter(
    "debug",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and all log messages.", rich_help_panel=COMMON)
    ],
)


class PlainHelpCommand(TyperCommand):
    """A command whose help is plain text: arguments, its own options, and the common ones, in this order."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help text; the two arguments are click's."""
        formatter.write(self._help(ctx))

    def _help(self, context: Any) -> str:
        width = help_width()
        arguments = [param for param in self.params if param.param_type_name == "argument"]
        pieces = [_argument_piece(param) for param in arguments]
        lines = [*paragraph(" ".join(["Usage:", context.command_path, *pieces, "[OPTIONS]"]), width), ""]
        lines += _description(self.help or "", width)
        shown = [(str(param.metavar or param.name), str(getattr(param, "help", None) or "")) for param in arguments]
        if any(meaning for _, meaning in shown):
            lines += ["", "Arguments:", *entries(shown, width)]
        panels: dict[str, list[tuple[str, str]]] = {_OPTIONS: [], COMMON: []}
        for param in self.get_params(context):
            if param.param_type_name == "option" and not getattr(param, "hidden", False):
                panel = getattr(param, "rich_help_panel", None) or (COMMON if "--help" in param.opts else _OPTIONS)
                panels.setdefault(str(panel), []).append(_option(param))
        for title, rows in panels.items():
            lines += ["", f"{title}:", *entries(rows, width)] if rows else []
        return "\n".join(lines) + "\n"


def typer_command(entry: CommandEntry) -> Any:
    """Return the command of an entry of the table: an object of click or of typer, by the version of typer."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = {"help_option_names": ["--help", "-h"]}
    app.command(entry.name, cls=PlainHelpCommand, context_settings=settings)(spread(entry.load()))
    return typer.main.get_command(app)


def spread(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function with an option for each field, where `function` takes a dataclass of options; and `--debug`.

    `--debug` is for `main`, which has seen it before typer does, so that errors of the command line count too.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        kind: Any = hints[parameter.name]
        if is_dataclass(kind) and isinstance(kind, type):
            groups[parameter.name] = kind
            parameters += _parameters_of(kind)
        else:
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
    parameters.append(_DEBUG)

    def command(**given: object) -> object:
        given.pop("debug")
        made: dict[str, object] = {}
        for name, kind in groups.items():
            made[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        return function(**given, **made)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameters_of(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]


def _argument_piece(param: Any) -> str:
    name = str(param.metavar or param.name).removesuffix("...")
    piece = f"{name}..." if param.nargs != 1 else name
    return piece if param.required else f"[{piece}]"


def _option(param: Any) -> tuple[str, str]:
    names = ", ".join(sorted([*param.opts, *param.secondary_opts], key=lambda name: (not name.startswith("--"), name)))
    value = "" if getattr(param, "is_flag", False) or param.metavar is None else f" {param.metavar}"
    text = str(getattr(param, "help", None) or "")
    return f"{names}{value}", text


def _description(text: str, width: int) -> list[str]:
    """Return the paragraphs of a docstring as lines; what is indented stays as it is."""
    lines: list[str] = []
    for part in inspect.cleandoc(text).split("\n\n"):
        as_it_is = part.startswith((" ", "$ "))
        lines += ["", *(part.splitlines() if as_it_is else paragraph(" ".join(part.split()), width))]
    return lines[1:]
