"""What the administrators of a cluster forbid: policies and webhooks of a real API server, in words that lead on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kubeflow.cluster import ApiError, Cluster, Forbidden, Invalid, ServerFault
from kubeflow.core.resource import Request
from kubeflow.trainer import CustomTrainerContainer, TrainerClient
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Home
from tests.trainer.kubernetes.stock import trainjob

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RULE = {
    "apiGroups": ["trainer.kubeflow.org"],
    "apiVersions": ["*"],
    "operations": ["CREATE"],
    "resources": ["trainjobs"],
}
SOON = 30.0  # seconds until the server has taken notice of a policy; it takes one or two


@contextmanager
def policy(home: Home, namespace: str, reason: str, message: str, action: str = "Deny") -> Iterator[None]:
    """Refuse jobs of more than 49 nodes in a namespace, or warn of them."""
    made = {
        f"{ADMISSION}/validatingadmissionpolicies": {
            "matchConstraints": {"resourceRules": [RULE]},
            "matchConditions": [{"name": "here", "expression": f"request.namespace == '{namespace}'"}],
            "validations": [
                {"expression": "object.spec.trainer.numNodes < 50", "message": message, "reason": reason},
            ],
        },
        f"{ADMISSION}/validatingadmissionpolicybindings": {"policyName": namespace, "validationActions": [action]},
    }
    for path, spec in made.items():
        home.wire.send("POST", path, {"metadata": {"name": namespace}, "spec": spec})
    try:
        yield
    finally:
        for path in made:
            home.wire.remove(f"{path}/{namespace}")


@contextmanager
def webhook(home: Home, namespace: str, name: str) -> Iterator[None]:
    """Have a program that does not run asked about the jobs of a namespace."""
    path = f"{ADMISSION}/validatingwebhookconfigurations"
    hook = {
        "name": name,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "clientConfig": {"url": "https://127.0.0.1:9/"},
        "matchConditions": [{"name": "here", "expression": f"request.namespace == '{namespace}'"}],
        "rules": [RULE],
    }
    home.wire.send("POST", path, {"metadata": {"name": namespace}, "webhooks": [hook]})
    try:
        yield
    finally:
        home.wire.remove(f"{path}/{namespace}")


def refusal(ask: Callable[[], object]) -> ApiError:
    """Return what `ask` is refused with, once it is."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        try:
            ask()
        except ApiError as error:
            return error
        time.sleep(0.1)
    raise AssertionError("nobody refuses it")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("Invalid", Invalid), ("Forbidden", Forbidden), ("Unauthorized", Forbidden), ("RequestEntityTooLarge", Invalid)],
)
def test_a_policy_of_the_cluster_speaks_for_itself(
    newest: Home, namespace: str, reason: str, kind: type[ApiError]
) -> None:
    newest.make_namespace(namespace)
    client = TrainerClient(newest.config(namespace))
    many = CustomTrainerContainer("example/image:1", num_nodes=50)
    few = CustomTrainerContainer("example/image:1", num_nodes=49)

    with policy(newest, namespace, reason, "Teams get 49 nodes. Ask #ml-platform for more."):
        error = refusal(lambda: client.train(trainer=many, server_dry_run=True))
        client.train(trainer=few, server_dry_run=True)

    assert type(error) is kind
    said = f"admission policy {namespace!r}: Teams get 49 nodes. Ask #ml-platform for more."
    assert str(error).endswith(said)
    assert "right" not in str(error)
    assert newest.jobs(namespace) == []


def test_what_the_server_only_warns_of_is_logged_once(
    newest: Home, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    newest.make_namespace(namespace)
    client = TrainerClient(newest.config(namespace))
    many = CustomTrainerContainer("example/image:1", num_nodes=50)
    said = 'From Monday on, teams get "49" nodes.'

    with policy(newest, namespace, "Invalid", said, "Warn"):
        deadline = time.monotonic() + SOON
        while said not in caplog.text and time.monotonic() < deadline:
            client.train(trainer=many, server_dry_run=True)
        client.train(trainer=many, server_dry_run=True)

    assert caplog.text.count(said) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("validator.trainjob.trainer.kubeflow.org", "Kubeflow Trainer is installed, but does not run"),
        ("guard.example.com", "the admission webhook 'guard.example.com' is installed, but does not run"),
    ],
)
def test_a_webhook_that_does_not_answer_is_named(newest: Home, namespace: str, name: str, words: str) -> None:
    newest.make_namespace(namespace)
    cluster = Cluster.connect(config_file=newest.kubeconfig)
    job: dict[str, Any] = trainjob("job")

    def create() -> None:  # once: the backend goes on for as long as a controller takes to come back
        cluster.send(Request("POST", f"{API}/namespaces/{namespace}/trainjobs", {"dryRun": "All"}, job))

    with webhook(newest, namespace, name):
        error = refusal(create)

    assert isinstance(error, ServerFault)
    assert words in str(error)
    assert "connection refused" in str(error)
    assert "administrator" in str(error)
