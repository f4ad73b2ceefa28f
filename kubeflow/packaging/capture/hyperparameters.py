"""Hyperparameters whose type the caller gives: the search space has it, and the function need not be annotated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kubeflow.core.display import repr_of_fields


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """How the text of a hyperparameter becomes a value in the job.

    Attributes:
        kind: `"int"` and `"float"` read a number. `"choice"` reads a place in `choices`.
        choices: The values of a choice; they travel to the job as arguments of the function do.
        words: How the choices are written on the command line of a script or module.
    """

    kind: Literal["int", "float", "choice"]
    choices: Sequence[object] = ()
    words: Sequence[str] = ()

    __repr__ = repr_of_fields


Hyperparameters: TypeAlias = Sequence[str] | Mapping[str, Hyperparameter]
"""Names of hyperparameters, whose types the function's signature has; or their types by name."""


def given_types(hyperparameters: Hyperparameters) -> Mapping[str, Hyperparameter]:
    """Return the types that the caller gave; without any, the signature has them."""
    return hyperparameters if isinstance(hyperparameters, Mapping) else {}


def script_specs(hyperparameters: Hyperparameters) -> dict[str, object]:
    """Return how the text of each hyperparameter becomes a word of a script's command line; `{}` keeps the text."""
    types = given_types(hyperparameters)
    specs: dict[str, object] = {}
    for name in hyperparameters:
        kind = types[name].kind if name in types else None
        values = {"values": list(types[name].words)} if kind == "choice" else {}
        specs[name] = {"kind": kind, **values} if kind else {}
    return specs
