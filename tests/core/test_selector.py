"""Label selectors mean here what they mean on an API server."""

from __future__ import annotations

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.core.selector import matcher

LABELS = {"team": "vision", "tier": "test", "kueue.x-k8s.io/queue-name": "q", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (None, True),
        ("", True),
        ("team=vision", True),
        ("team==vision", True),
        ("team = speech", False),
        ("team!=speech", True),
        ("team!=vision", False),
        ("absent!=anything", True),
        ("absent=anything", False),
        ("team in (speech, vision)", True),
        ("team in (speech)", False),
        ("team notin (speech,text),tier=test", True),
        ("absent notin (a)", True),
        ("team,!absent", True),
        ("!team", False),
        ("kueue.x-k8s.io/queue-name=q", True),
        ("empty=", True),
        ("team=vision,tier=prod", False),
    ],
)
def test_a_selector_chooses(selector: str | None, *, chosen: bool) -> None:
    assert matcher(selector)(LABELS) is chosen


@pytest.mark.parametrize("selector", ["team>vision", "team in vision", "=x", "a,,b", "team=a b", "team in (a"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(InvalidInput, match="is no label selector"):
        matcher(selector)
