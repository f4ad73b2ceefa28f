"""The errors that every part of the SDK raises. An error is a type, the facts, and one remedy in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubeflow.core.display import call, repr_of_fields


class KubeflowError(RuntimeError):
    """Base of all errors of this SDK. Derives from `RuntimeError`, which the published SDK raised.

    Remedy:
        Catch this type to catch every error of this SDK; the message of the error at hand says what helps.
    """

    def __repr__(self) -> str:
        return call(type(self).__name__, str(self))


class InvalidInput(KubeflowError, ValueError):
    """What the caller gave cannot work; raised before anything is sent or started.

    Remedy:
        Write what the message names instead. Nothing has been sent or started, so the call can simply be made again.
    """


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that does not fit the schema of an object.

    Attributes:
        place: Where, as keys and indexes from the object down, by the names that the user wrote.
        message: What is wrong, without the place.
        kind: pydantic's word for it, like `"int_type"`; `"unknown_field"` for a field that the schema does not have.
        value: What was given.
    """

    place: tuple[str | int, ...]
    message: str
    kind: str
    value: object

    __repr__ = repr_of_fields


class InvalidObject(InvalidInput):
    """An object of an API does not fit its schema.

    Attributes:
        model: The class of the object.
        mistakes: All of them, in the order of the fields.

    Remedy:
        Correct the fields that `mistakes` names; each says what the schema takes there, and which name was probably
        meant.
    """

    def __init__(self, model: str, mistakes: Sequence[Mistake]) -> None:
        self.model = model
        self.mistakes = tuple(mistakes)
        if len(self.mistakes) == 1:
            super().__init__(_sentence(self.mistakes[0], model))
            return
        lines = "".join(f"\n  {_sentence(mistake, '')}" for mistake in self.mistakes)
        super().__init__(f"{model} does not fit its schema in {len(self.mistakes)} places:{lines}")

    def errors(self) -> list[dict[str, object]]:
        """Return the mistakes in the form of pydantic's method of this name: `loc`, `msg`, `type` and `input`."""
        return [
            {"type": mistake.kind, "loc": mistake.place, "msg": mistake.message, "input": mistake.value}
            for mistake in self.mistakes
        ]


class UnknownAttribute(InvalidInput, AttributeError):
    """An object has no attribute of the name that was assigned.

    Remedy:
        Assign to the name that the message suggests. What only a newer server knows goes in through `from_dict`.
    """


def _sentence(mistake: Mistake, model: str) -> str:
    # The message on an unknown field names the field and its owner already.
    place = mistake.place[:-1] if mistake.kind == "unknown_field" else mistake.place
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    if not path and mistake.kind == "unknown_field":
        return mistake.message
    path = f"{model}{path}" if model else path.removeprefix(".")
    joint = " " if mistake.message.startswith(("must ", "is ")) else ": "
    return f"{path}{joint if path else ''}{mistake.message}"


class MissingExtra(KubeflowError, ImportError):
    """A package that an extra of this package brings is not installed, or too old.

    Remedy:
        Install the extra with the `pip install` of the message, in the environment that this Python runs in.
    """

    def __init__(self, what: str, package: str, extra: str, found: str | None = None) -> None:
        self.package = package
        self.extra = extra
        state = f"and {found} is installed" if found else "which is not installed"
        super().__init__(f"{what} needs {package}, {state}: pip install 'kubeflow[{extra}]'.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the closest known name, or an empty string when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why the job would fail.

    `what` names the thing, `why` says what is wrong with it and `remedy` what to write instead; `where` is
    `file:line` of the user's text, or empty when the finding has no line.
    """

    what: str
    why: str
    remedy: str
    where: str = ""

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place}: {self.why}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"
