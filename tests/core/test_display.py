"""What counts as a secret, and how much of a value is shown."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from kubeflow.core.display import call, looks_secret, repr_of_fields, short


@dataclass
class Box:
    """Something with a default of each kind."""

    name: str
    items: list[object] = field(default_factory=list[object])
    limit: object = 3
    token: str | None = field(default=None, repr=False)
    _hidden: int = 0
    made: int = field(default=1, init=False)

    __repr__ = repr_of_fields


class NeverEqual:
    """As arrays do, it answers `==` with something that is neither true nor false."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = object.__hash__


class Broken:
    """A user's class whose `__repr__` raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "WANDB_API_KEY", "password", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "apiKey",
     "Authorization", "client_secret", "GOOGLE_CREDENTIALS", "ssh-private-key", "hfToken", "SSH_KEY"],
)  # fmt: skip
def test_a_name_of_a_credential_is_known(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "max_tokens", "num_tokens", "secret_name", "HF_TOKEN_PATH", "key", "lr", "keys", "monkey",
     "PASSWORD_FILE", "author", "secretRef", "", "kubernetes.io/metadata.name", "AUTH_TYPE"],
)  # fmt: skip
def test_a_name_of_something_else_is_no_secret(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "credential",
    ["hf_" + "aB3" * 12, "ghp_" + "aB3" * 12, "AKIA" + "A1" * 8, "sk-proj-" + "aB3" * 8, "glpat-" + "aB3" * 7,
     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"],
)  # fmt: skip
def test_a_credential_is_known_by_its_form(credential: str) -> None:
    assert short(f"login {credential}") == "'login ***'"
    assert credential not in short({"args": ["login", f"--with={credential}"]})


def test_a_url_is_shown_without_who_asks() -> None:
    assert short("https://me:open-sesame@example.com/simple") == "'https://***@example.com/simple'"
    assert short("mail me@example.com") == "'mail me@example.com'"


def test_what_has_its_default_is_left_out() -> None:
    assert repr(Box("a")) == "Box(name='a')"
    assert repr(Box("a", [1], None)) == "Box(name='a', items=[1], limit=None)"
    assert repr(Box("a", token="t", _hidden=4)) == "Box(name='a', token=***)"


def test_values_that_cannot_be_compared_or_shown_do_no_harm() -> None:
    assert repr(Box("a", limit=NeverEqual())).startswith("Box(name='a', limit=<")
    assert repr(Box("a", limit=Broken())) == "Box(name='a', limit=<Broken>)"


def test_collections_are_shown_in_part() -> None:
    assert short(list(range(20))) == str(list(range(20)))
    assert short(list(range(1000))) == "[0, 1, 2, 3, 4, … 995 more]"
    assert short(()) == "()"
    assert short((1,)) == "(1,)"
    assert short(set()) == "set()"
    assert short({1}) == "{1}"
    assert short({}) == "{}"


def test_functions_are_shown_by_name() -> None:
    assert short(functools.partial(call, token="open-sesame")) == "partial(call, token=***)"
    assert short([len, Box, "x".join]) == "[len, Box, str.join]"


def test_no_nesting_is_too_deep() -> None:
    ring: list[object] = []
    ring.append(ring)
    boxes = Box("inner")
    for _ in range(50):
        boxes = Box("outer", [boxes])
    assert len(short(ring)) < 100
    assert len(repr(boxes)) < 400


def test_times_are_in_utc() -> None:
    assert short(datetime(2026, 1, 2, 3, 4, 5, 678, UTC)) == "2026-01-02T03:04:05Z"
    assert short(datetime(2026, 1, 2, 3, 4, 5)) == "2026-01-02T03:04:05"  # noqa: DTZ001


def test_a_call_leaves_out_none() -> None:
    assert call("Client", 1, namespace="ml", context=None) == "Client(1, namespace='ml')"
