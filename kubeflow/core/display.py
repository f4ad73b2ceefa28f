"""How objects of this package are shown by `repr`: what was set, in few words, without addresses and secrets.

A dataclass takes `__repr__ = repr_of_fields`, a model has `repr_of_model` from its base, any other class writes its own
`__repr__` with `call`. What is short enough is code that makes the object again. What is not code stands in angle
brackets or with an ellipsis, so that it cannot be taken for code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from kubeflow.core.stdlib import re

if TYPE_CHECKING:
    from pydantic import BaseModel

HIDDEN = "***"
"""What stands in place of a secret."""

REFERENCES: Mapping[str, bool] = {"references": True}
"""Metadata of a dataclass field that names secrets and holds none, such as `{"HF_TOKEN": "key-in-the-secret"}`."""


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: levels of nesting, entries of a collection, characters of a text."""

    levels: int
    entries: int
    characters: int


# From all to little: the first whose result is within the budget is taken, else the last.
_DETAILS = (_Detail(12, 20, 200), _Detail(3, 8, 80), _Detail(2, 4, 60), _Detail(1, 3, 40))
_BUDGET = 400
_MODEL_BUDGET = 1_200
_FULL = _DETAILS[0]

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = {
    "apikey", "auth", "authorization", "cookie", "credential", "credentials", "passphrase", "passwd", "password", "pwd",
    "secret", "token",
}  # fmt: skip
_SECRET_KEYS = {"access", "account", "api", "encryption", "private", "secret", "service", "signing", "ssh"}
# A name that ends so says where a secret is, or what it is about, and not what it is.
_ABOUT_SECRETS = {"dir", "file", "mode", "name", "namespace", "path", "ref", "type", "uri"}
# Credentials that are known by their form: tokens of the Hugging Face Hub, GitHub, GitLab, OpenAI, AWS and Slack, JSON
# Web Tokens, private keys, and what stands before the host of a URL.
_CREDENTIAL = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bgh[opusr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{16,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*|(?<=://)[^\s/@]+(?=@)",
    re.DOTALL,
)
_ADDRESS = re.compile(r" (?:object )?at 0x[0-9a-fA-F]+")


def repr_of_fields(self: object) -> str:
    """Return a dataclass as the call that makes it, without fields that have their default: its `__repr__`.

    A field with `repr=False` holds a secret: that it is set is shown, its value is not.
    """
    return _within(_BUDGET, partial(_dataclass, self))


def repr_of_model(self: BaseModel) -> str:
    """Return a model as the call that makes it, with the fields that were set: its `__repr__`."""
    return _within(_MODEL_BUDGET, partial(_model, self))


def repr_args_of_model(self: BaseModel) -> Iterator[tuple[str, object]]:
    """Yield what displays other than `repr` (rich, devtools) show of a model: models in it are shown by their means."""
    for name, value in _masked(set_fields(self)):
        yield name, value if type(value).__repr__ is repr_of_model else Code(short(value))


def call(name: str, /, *arguments: object, **named: object) -> str:
    """Return `name(...)` with short values; what is `None` is left out."""

    def shown(detail: _Detail) -> str:
        return _call(name, [_value(value, detail) for value in arguments], _named(named.items(), detail))

    return _within(_BUDGET, shown)


def short(value: object) -> str:
    """Return `value` as it is shown within other objects."""
    return _within(_BUDGET, partial(_value, value))


def shown_values(entries: Mapping[str, object]) -> dict[str, str]:
    """Return entries as short texts for people: numbers with six digits, texts without quotes, secrets hidden."""
    shown: dict[str, str] = {}
    for name, value in _masked(entries):
        plain = isinstance(value, str) and not isinstance(value, Code) and len(value) <= _FULL.characters
        clean = _CREDENTIAL.sub(HIDDEN, str(value)) if plain else short(value)
        shown[name] = f"{value:.6g}" if type(value) is float else clean
    return shown


def values_line(entries: Mapping[str, object]) -> str:
    """Return entries in one line, like `lr=0.01, batch=32`, as `shown_values` shows them."""
    return ", ".join(f"{name}={value}" for name, value in shown_values(entries).items())


def set_fields(model: BaseModel) -> dict[str, object]:
    """Return the fields of a model that were set, in the schema's order, then those that this version does not know.

    `api_version` and `kind` are left out where the class says the same.
    """
    kind: tuple[object, object] = (getattr(model, "API_VERSION", None), getattr(model, "KIND", None))
    known = {name: getattr(model, name) for name in type(model).model_fields if name in model.model_fields_set}
    own = {name: value for name, value in known.items() if name not in ("api_version", "kind") or value not in kind}
    return {**own, **(model.model_extra or {})}


def looks_secret(name: str) -> bool:
    """Return whether a variable, argument or header of this name holds a credential."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT_SECRETS:
        return False
    keys = any(word in _SECRET_KEYS and following in ("key", "keys") for word, following in pairwise(words))
    return keys or not _SECRET_WORDS.isdisjoint(words)


def hide_credentials(text: str) -> str:
    """Return a text with `***` in place of what has the form of a credential: tokens, keys, passwords in URLs."""
    return _CREDENTIAL.sub(HIDDEN, text)


def _within(budget: int, shown: Callable[[_Detail], str]) -> str:
    text = ""
    for detail in _DETAILS:
        text = shown(detail)
        if len(text) <= budget:
            break
    return text


def _dataclass(value: Any, detail: _Detail) -> str:
    entries: list[tuple[str, object]] = []
    for field in fields(value):
        content = getattr(value, field.name, None)
        if not field.init or field.name.startswith("_") or _is_default(field, content):
            continue
        if not field.repr:
            content = Code(HIDDEN)
        elif field.metadata.get("references"):
            content = Code(_value(content, detail, masked=False))
        entries.append((field.name, content))
    return _call(type(value).__name__, [], _named(entries, detail, keep_none=True))


def _is_default(field: Field[Any], value: object) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    # Only values of one type are compared: a user's array answers `==` with an array.
    return value is default or (type(value) is type(default) and bool(value == default))


def _model(model: BaseModel, detail: _Detail) -> str:
    entries = ((name, _on_the_wire(value)) for name, value in _masked(set_fields(model)))
    return _call(type(model).__name__, [], _named(entries, detail, keep_none=True))


def _on_the_wire(value: object) -> object:
    """Return a time as the text that a model takes for it; any other value as it is."""
    return str(getattr(value, "_text", None) or value.isoformat()) if isinstance(value, datetime) else value


def _masked(entries: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """Yield the entries; secrets in them are replaced: of a secret name, or the `value` beside such a `name`."""
    name = entries.get("name")
    of_secret = isinstance(name, str) and looks_secret(name)
    for key, value in entries.items():
        secret = (of_secret and key == "value") or looks_secret(str(key))
        yield key, Code(HIDDEN) if secret and isinstance(value, str | bytes) and value else value


def _named(entries: Iterable[tuple[str, object]], detail: _Detail, *, keep_none: bool = False) -> list[str]:
    return [f"{name}={_value(value, detail)}" for name, value in entries if keep_none or value is not None]


def _call(name: str, arguments: list[str], named: list[str]) -> str:
    return f"{name}({', '.join([*arguments, *named])})"


class Code(str):
    """Text that `repr` shows as it is, without quotes: it is code already."""

    __slots__ = ()
    __repr__ = str.__str__


def _value(value: Any, detail: _Detail, *, masked: bool = True) -> str:
    """Return any value, also a user's, with at most this detail."""
    kind = cast("type[object]", type(value))
    if isinstance(value, Code):
        return value
    if isinstance(value, str | bytes):
        return _text(value, detail.characters)
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, datetime):
        return moment(value)
    if hasattr(kind, "from_wire") and hasattr(kind, "raw"):  # a Quantity, an IntOrString
        return repr(value.raw)
    if isinstance(value, type) or type(value).__name__ in ("function", "builtin_function_or_method", "method"):
        return str(value.__qualname__).rpartition("<locals>.")[2]
    return _nested(value, detail, masked=masked)


def _nested(value: Any, detail: _Detail, *, masked: bool) -> str:
    below = _Detail(detail.levels - 1, detail.entries, detail.characters)
    kind = cast("type[object]", type(value))
    own: object = kind.__repr__
    if own is repr_of_fields:
        return _dataclass(value, below) if detail.levels else _abridged(value)
    if own is repr_of_model:
        return _model(value, below) if detail.levels else _abridged(value)
    if kind is partial:
        function = cast("partial[object]", value)
        given = cast("list[object]", [function.func, *function.args])
        return _call("partial", [_value(item, below) for item in given], _named(_masked(function.keywords), below))
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        entries = _masked(mapping) if masked else mapping.items()
        shown = (f"{_value(key, below)}: {_value(item, below)}" for key, item in entries)
        return f"{{{_some(shown, len(mapping), detail) if detail.levels else '…'}}}"
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(kind, "_fields"):  # no named tuple
        return _collection(cast("Collection[object]", value), detail, below)
    return _plain(cast("object", value))


def _collection(items: Collection[object], detail: _Detail, below: _Detail) -> str:
    inside = _some((_value(item, below) for item in items), len(items), detail) if detail.levels else "…"
    if isinstance(items, list):
        return f"[{inside}]"
    if isinstance(items, tuple):
        return f"({inside},)" if len(items) == 1 else f"({inside})"
    return f"{{{inside}}}" if items else f"{type(items).__name__}()"


def _some(shown: Iterable[str], count: int, detail: _Detail) -> str:
    """Return the entries of a collection, or its first ones and how many more there are."""
    most = count if count <= detail.entries else max(detail.entries // 4, 2)
    first = [text for _, text in zip(range(most), shown, strict=False)]
    return ", ".join([*first, *([f"… {count - most:,} more"] if most < count else [])])


def _text(value: str | bytes, most: int) -> str:
    """Return a text as a literal; a long one as its beginning and its length."""
    clean = hide_credentials(value) if isinstance(value, str) else value
    if len(clean) <= most:
        return repr(clean)
    return f"<{clean[: most // 2]!r}… {len(value):,} {'characters' if isinstance(value, str) else 'bytes'}>"


def _abridged(value: Any) -> str:
    """Return an object that is nested too deeply: its class, and its name if it has one."""
    name = getattr(value, "name", None) or getattr(getattr(value, "metadata", None), "name", None)
    return f"{type(value).__name__}({f'{name!r}, ' if isinstance(name, str) else ''}…)"


def _plain(value: object) -> str:
    """Return the `repr` of an object that is none of ours, on one line, without addresses and of bounded length."""
    try:
        text = " ".join(hide_credentials(_ADDRESS.sub("", repr(value))).split())
    except Exception:  # noqa: BLE001  (a user's __repr__ that raises must not take ours with it)
        return f"<{type(value).__name__}>"
    return text if len(text) <= _FULL.characters else f"<{type(value).__name__}: {text[: _FULL.characters // 2]}…>"


def moment(time: datetime) -> str:
    """Return a time as RFC 3339 in UTC and whole seconds, like `2025-01-31T12:00:00Z`; without zone if it has none."""
    if time.tzinfo is None:
        return time.isoformat(timespec="seconds")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
