"""The same for several names: one that fails does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeflow.cli.failures import exit_code, tell
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
