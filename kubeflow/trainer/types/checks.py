"""Checks that several types make when they are built: an error that names the field and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from kubeflow.core.display import short
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import is_subdomain
from kubeflow.core.search_space import is_search_space
from kubeflow.core.stdlib import re

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_NOTES = 256 * 1024


def check_count(field: str, value: object, *, least: int = 1, most: int | None = None) -> None:
    """Refuse anything but an `int` of at least `least`, and at most `most` if that is given; `True` is not a count.

    Raises:
        InvalidInput: Naming `field`, the value and the bound.
    """
    if type(value) is not int or value < least:
        raise InvalidInput(f"{field} must be a whole number of at least {least}, not {value!r}.")
    if most is not None and value > most:
        raise InvalidInput(f"{field} must be at most {most:,}, not {value:,}.")


def check_flag(field: str, value: object) -> None:
    """Refuse anything but `True` and `False`: a text is true, also `"no"`.

    Raises:
        InvalidInput: Naming `field` and the value.
    """
    if not isinstance(value, bool):
        raise InvalidInput(f"{field} must be True or False, not {value!r}.")


def check_strings(field: str, value: object) -> None:
    """Refuse anything but a sequence of non-empty strings; one bare string is a common slip.

    Raises:
        InvalidInput: Naming `field`.
    """
    if isinstance(value, str):
        argument = f"{field}=" if field.islower() else ""
        raise InvalidInput(f"{field} must be a list of strings, not one string: write {argument}[{value!r}].")
    items = cast(Sequence[object], value) if isinstance(value, Sequence) else [None]
    if not all(isinstance(item, str) and item.strip() for item in items):
        raise InvalidInput(f"{field} must be a list of non-empty strings, not {value!r}.")


def check_requirements(field: str, value: object) -> None:
    """Refuse anything but a sequence of strings, which may be empty, as the lines of a file may.

    Raises:
        InvalidInput: Naming `field`; of one string, with the list to write.
    """
    if isinstance(value, str):
        from kubeflow.packaging.requirements.index_urls import masked
        from kubeflow.packaging.requirements.written_instead import split_text

        write = f"{field}={[masked(text) for text in split_text(value)]!r}"
        raise InvalidInput(f"{field} must be a list of strings, not one string: write {write}.")
    given: object = value
    items = cast(Sequence[object], value) if isinstance(value, Sequence) else [None]
    if not all(isinstance(item, str) for item in items):
        raise InvalidInput(f"{field} must be a list of strings, not {_without_credentials(given)}.")


def check_index_urls(field: str, value: object) -> None:
    """Refuse anything but a sequence of URLs, one each. No credential is told.

    Raises:
        InvalidInput: Naming `field`; of one string, with the list to write.
    """
    if isinstance(value, str):
        from kubeflow.packaging.requirements.index_urls import masked

        urls = [url for url in re.split(r"[\s,]+", value) if url]
        write = f"{field}={[masked(url) for url in urls]!r}"
        raise InvalidInput(f"{field} must be a list of strings, not one string: write {write}.")
    given: object = value
    items = cast(Sequence[object], value) if isinstance(value, Sequence) else [None]
    if not all(isinstance(item, str) and item.strip() for item in items):
        raise InvalidInput(f"{field} must be a list of non-empty strings, not {_without_credentials(given)}.")


def check_env(field: str, value: object) -> None:
    """Refuse anything but a mapping from variable names to strings.

    Raises:
        InvalidInput: Naming the variable, and how to write a value that is not a string.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} must map variable names to strings, not {value!r}.")
    for key, text in cast(Mapping[object, object], value).items():
        if not isinstance(key, str) or not key or "=" in key or "\0" in key:
            raise InvalidInput(f"{field} has {key!r}, which is no name of an environment variable.")
        if is_search_space(text):
            raise InvalidInput(
                f"{field}[{key!r}] is a search space, and variables hold text: search an argument of the function, or, "
                "for an image, write '${trialParameters.NAME}' here and give the space to optimize() by that NAME."
            )
        if not isinstance(text, str):
            raise InvalidInput(f"{field}[{key!r}] must be a string, not {text!r}: write {key!r}: {str(text)!r}.")
        if "\0" in text:
            raise InvalidInput(f"{field}[{key!r}] holds a NUL character, which no environment can carry.")


def check_map(field: str, value: object) -> None:
    """Refuse anything but a mapping from non-empty strings to strings.

    Raises:
        InvalidInput: Naming `field`, and how to write a value that is not a string.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} must map strings to strings, not {value!r}.")
    for key, text in cast(Mapping[object, object], value).items():
        if not isinstance(key, str) or not key:
            raise InvalidInput(f"{field} has the key {key!r}: keys are non-empty strings.")
        if not isinstance(text, str):
            raise InvalidInput(f"{field}[{key!r}] must be a string, not {text!r}: write {key!r}: {str(text)!r}.")


def check_labels(field: str, value: object) -> None:
    """Refuse anything but labels that Kubernetes takes.

    Raises:
        InvalidInput: Naming `field`, the key, and the syntax.
    """
    check_annotations(field, value)
    for key, text in cast(Mapping[str, str], value).items():
        if text and not _NAME.fullmatch(text):
            raise InvalidInput(
                f"{field}[{key!r}] = {text!r} is no value of a label: at most 63 letters, digits, '-', '_' and '.', a "
                "letter or digit first and last. Longer texts are for annotations."
            )


def check_annotations(field: str, value: object) -> None:
    """Refuse anything but annotations that Kubernetes takes.

    Raises:
        InvalidInput: Naming `field`, the key, and the syntax.
    """
    check_map(field, value)
    for key in cast(Mapping[str, str], value):
        check_key(field, key)
    if (size := sum(len(part.encode()) for pair in cast(Mapping[str, str], value).items() for part in pair)) > _NOTES:
        raise InvalidInput(f"{field} has {size:,} bytes, and Kubernetes takes {_NOTES:,}: shorten it.")


def check_key(field: str, key: object) -> None:
    """Refuse anything but a key that labels, annotations and taints may have.

    Raises:
        InvalidInput: Naming `field`, the key, and the syntax.
    """
    check_text(f"{field} key", key)
    prefix, slash, name = str(key).rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not is_subdomain(prefix)):
        raise InvalidInput(
            f"{field} has the key {key!r}, which Kubernetes does not take: write at most 63 letters, digits, '-', "
            "'_' and '.', with a domain before it if you like, as in 'example.com/team'."
        )


def check_object_name(field: str, value: object) -> None:
    """Refuse anything but what Secrets, claims, service accounts and the like may be called.

    Raises:
        InvalidInput: Naming `field` and the syntax.
    """
    check_text(field, value)
    if not is_subdomain(value):
        raise InvalidInput(
            f"{field} {value!r} cannot be the name of an object: it has lower-case letters, digits, '-' and '.', a "
            "letter or digit first and last. Look the name up with kubectl get."
        )


def check_text(field: str, value: object) -> None:
    """Refuse anything but a non-empty string.

    Raises:
        InvalidInput: Naming `field`.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{field} must be a non-empty string, not {value!r}.")


def check_instance(field: str, value: object, kinds: tuple[type, ...], *, remedy: str = "") -> None:
    """Refuse a value of another type than `kinds`.

    Raises:
        InvalidInput: Naming `field`, what it takes and what it got; `remedy` is appended.
    """
    if not isinstance(value, kinds):
        raise wrong_type(field, value, kinds, remedy=remedy)


def wrong_type(field: str, value: object, kinds: tuple[type, ...], *, remedy: str = "") -> InvalidInput:
    """Return the error that `check_instance` raises."""
    takes = _listed(kind.__name__ for kind in kinds)
    got = f"the class {value.__name__}" if isinstance(value, type) else _short(value)
    return InvalidInput(f"{field} takes {takes}, not {got}.{f' {remedy}' if remedy else ''}")


def _without_credentials(value: object) -> str:
    from kubeflow.packaging.requirements.index_urls import masked

    return masked(short(value))


def _short(value: object) -> str:
    """Return `repr(value)`, without the middle of one that is a page long."""
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:120]} ... {shown[-40:]}"


def _listed(names: Iterable[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} or {last}" if rest else last
