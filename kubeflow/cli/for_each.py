"""The same for several names, and what is told of it: one that fails does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeflow.cli.failures import exit_code, tell
from kubeflow.cli.result_output import print_data, print_name
from kubeflow.cli.shared_options import OutputFormat
from kubeflow.cli.wording import in_command_words
from kubeflow.core.errors import KubeflowError


def for_each(names: Iterable[str], act: Callable[[str], None]) -> int | None:
    """Call `act` for each name; write the errors of the SDK on stderr, one each.

    Returns:
        The exit code of the first error; `None` when there was none.

    Raises:
        KubeflowError: Of a single name: its error goes its way.
    """
    each = list(dict.fromkeys(names))
    code: int | None = None
    for name in each:
        try:
            act(name)
        except KubeflowError as error:
            if len(each) == 1:
                raise
            tell(in_command_words(str(error)))
            code = exit_code(error) if code is None else code
    return code


def change_each(
    names: Iterable[str],
    done: str,
    output: OutputFormat,
    act: Callable[[str], bool | None],
    shown: Callable[[str], dict[str, object]] | None = None,
) -> int | None:
    """Call `act` for each name, and print what was changed: `NAME DONE`, or what `output` asks for.

    Args:
        names: Of what is changed.
        done: What has become of it, like `stopped`.
        output: How each is printed.
        act: The change. `False` says that nothing had to be changed.
        shown: Gives the changed object for JSON and YAML; else that it was done, like `{"name": "a", "deleted": true}`.

    Returns:
        The exit code of the first error; `None` when there was none.

    Raises:
        KubeflowError: Of a single name: its error goes its way.
    """
    changed: list[dict[str, object]] = []

    def change(name: str) -> None:
        if act(name) is False:
            return
        if output is OutputFormat.TABLE:
            print_name(f"{name} {done}")
        elif output is OutputFormat.NAME:
            print_name(name)
        else:
            changed.append({"name": name, done: True} if shown is None else shown(name))

    code = for_each(names, change)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(changed, output)
    return code
