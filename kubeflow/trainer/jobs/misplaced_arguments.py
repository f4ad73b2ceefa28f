"""Arguments of `train` that were given in the place of another: the error names the place where each belongs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import cast

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.jobs.jobspec import Option
from kubeflow.trainer.types.code import is_path
from kubeflow.trainer.types.initializers import Initializer
from kubeflow.trainer.types.runtimes import Runtime
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer


def check_place(argument: str, value: object) -> None:
    """Refuse a value that belongs to another argument of `train`, like a function given as its first one.

    Args:
        argument: One of `runtime`, `initializer`, `trainer` and `options`.
        value: What was given for it; a value that belongs nowhere is left to the checks of that argument.

    Raises:
        InvalidInput: Naming the argument that takes such a value, and how to write it.
    """
    right, noun, remedy = _place(value)
    if right and right != argument:
        raise InvalidInput(f"{argument}= does not take {noun}: write {remedy}.")


def _place(value: object) -> tuple[str, str, str]:
    """Return the argument that takes `value`, what it is in words, and how to write it; empty texts for none."""
    kind = type(value).__name__
    if isinstance(value, (CustomTrainer, CustomTrainerContainer, BuiltinTrainer)):
        return "trainer", f"a {kind}", f"train(trainer={kind}(...))"
    if isinstance(value, Initializer):
        return "initializer", "an Initializer", "train(initializer=Initializer(...))"
    if isinstance(value, Artifact):
        return "initializer", "an Artifact", "train(initializer=artifact)"
    if isinstance(value, Runtime):
        return "runtime", "a Runtime", f"train(runtime={value.name!r})"
    if isinstance(value, Option) and not isinstance(value, type):
        return "options", f"the option {kind}", f"train(options=[{kind}(...)])"
    if isinstance(value, (list, tuple)):
        options = cast("Sequence[object]", value)
        several = bool(options) and all(isinstance(option, Option) for option in options)
        return ("options", "a list of options", "train(options=[...])") if several else ("", "", "")
    if is_path(value) and PurePath(value).suffix in (".py", ".ipynb"):
        script = os.fspath(value)
        return "train_func", f"the script {script!r}", f"train(train_func={script!r}, args=[...])"
    if callable(value) and not isinstance(value, type):
        name = getattr(value, "__name__", "train")
        func = name if str(name).isidentifier() else "train"
        noun = "a function" if func != name else f"the function {func}"
        return "train_func", noun, f"train(train_func={func}), or train(trainer=CustomTrainer(func={func}))"
    return "", "", ""
