"""Label selectors: the text that Kubernetes takes to choose objects by their labels, evaluated here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})", re.ASCII)
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)", re.ASCII)
_EXISTS = re.compile(rf"(!?)\s*({_KEY})", re.ASCII)
_COMMA = re.compile(r",(?![^(]*\))")

Labels = Mapping[str, str]


def matcher(selector: str | None) -> Callable[[Labels], bool]:
    """Return the predicate on labels that `selector` is; `None` and empty text choose everything.

    Args:
        selector: Requirements joined by commas: `key=value`, `key!=value`, `key in (a, b)`, `key notin (a, b)`, `key`,
            `!key`. As on the API server, `!=` and `notin` also choose objects without the label.

    Raises:
        InvalidInput: When it is no selector.
    """
    if not selector or not selector.strip():
        return lambda labels: True
    requirements = [_requirement(text.strip(), selector) for text in _COMMA.split(selector)]
    return lambda labels: all(holds(labels) for holds in requirements)


def _requirement(text: str, selector: str) -> Callable[[Labels], bool]:
    if match := _EQUALITY.fullmatch(text):
        key, operator, value = match.groups()
        return _chosen(key, {value}, present=operator != "!=")
    if match := _SET.fullmatch(text):
        key, operator, values = match.groups()
        return _chosen(key, {value.strip() for value in values.split(",")}, present=operator == "in")
    if match := _EXISTS.fullmatch(text):
        absent, key = match.groups()
        return lambda labels: (key in labels) is not bool(absent)
    raise InvalidInput(
        f"{selector!r} is no label selector at {text!r}: write 'key=value', 'key!=value', 'key in (a, b)', "
        "'key notin (a, b)', 'key' or '!key', joined by commas."
    )


def _chosen(key: str, values: set[str], *, present: bool) -> Callable[[Labels], bool]:
    return lambda labels: (labels.get(key) in values) is present
