"""Coming to a cluster: what is checked, which Trainer is found there, and what is said when there is none."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster import (
    ControlPlaneMissing,
    Forbidden,
    Invalid,
    NotConfigured,
    NotFound,
    Unauthorized,
    Unreachable,
)
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request, Transport
from kubeflow.trainer import JobNotFound, KubernetesBackendConfig, TrainerClient, Unsupported
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.backends.kubernetes.connection.api_overrides import overridden
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.connection.trainer_minor import installed_minor
from kubeflow.trainer.backends.kubernetes.runtimes.catalogue import Catalogue
from tests.apiserver import own_server
from tests.cluster.stage import MISSING, REASON, crds, install
from tests.cluster.wire import Wire
from tests.trainer.kubernetes.backend.home import Counted, Home, publish_version


def changed(kubeconfig: Path, folder: Path, **user_or_server: str) -> str:
    """Return a copy of a kubeconfig with another server or token."""
    config = yaml.safe_load(kubeconfig.read_text("utf-8"))
    if "server" in user_or_server:
        config["clusters"][0]["cluster"]["server"] = user_or_server["server"]
    if "token" in user_or_server:
        config["users"][0]["user"]["token"] = user_or_server["token"]
    copy = folder / "kubeconfig"
    copy.write_text(yaml.safe_dump(config), "utf-8")
    return str(copy)


def test_coming_to_a_cluster_costs_three_requests_at_most(newest: Home, namespace: str) -> None:
    _, counted = newest.backend(namespace)

    assert counted.sent() == [
        "GET /apis/trainer.kubeflow.org/v1alpha1/clustertrainingruntimes",
        f"GET /apis/trainer.kubeflow.org/v1alpha1/namespaces/{namespace}/trainingruntimes",
    ]


def test_the_minor_is_asked_for_once_and_only_when_it_matters(every: Home, namespace: str) -> None:
    every.make_namespace(namespace)
    counted: list[Counted] = []

    def wrap(transport: Transport) -> Transport:
        counted.append(Counted(transport))
        return counted[0]

    connection = Connection(every.config(namespace), wrap)
    assert not any("configmaps" in each or "openapi" in each for each in counted[0].sent())

    assert (connection.minor, connection.minor) == (every.minor, every.minor)
    assert len(counted[0].sent()) == (2 if every.minor in ("2.0", "2.1") else 1)


def test_where_no_version_is_published_the_api_itself_says_which_minor_it_is(
    every: Home, namespace: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kubeflow.trainer.constants.constants.SYSTEM_NAMESPACE", "elsewhere")
    _, counted = every.backend(namespace)

    with caplog.at_level(logging.WARNING):
        assert installed_minor(counted) == every.minor
    assert not caplog.records


@pytest.mark.parametrize(
    ("published", "minor", "warned"), [("v2.2.1", "2.2", False), ("v2.9.0", "2.3", True), ("v3.0.0-rc.1", "2.3", True), ("main", "2.3", False)]
)  # fmt: skip
def test_what_is_published_counts_and_a_newer_trainer_is_used_as_the_newest_known(
    newest: Home, namespace: str, published: str, minor: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    publish_version(newest.wire, published)
    try:
        _, counted = newest.backend(namespace)
        with caplog.at_level(logging.WARNING):
            assert installed_minor(counted) == minor
        assert any("newer than this SDK" in record.message for record in caplog.records) is warned
    finally:
        publish_version(newest.wire, "v2.3.0")


def test_a_trainer_that_says_nothing_of_itself_is_taken_for_the_newest(
    newest: Home, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Counted):
        def send(self, request: Request) -> Mapping[str, object]:
            return {}

    with caplog.at_level(logging.WARNING):
        assert installed_minor(Mute(newest.backend(namespace)[1].transport)) == "2.3"
    assert "KubernetesBackendConfig(trainer_version=...)" in caplog.text


def test_the_configured_version_wins_and_one_that_is_none_is_refused(newest: Home, namespace: str) -> None:
    assert Connection(newest.config(namespace, trainer_version="v2.1.0")).minor == "2.1"
    assert Connection(newest.config(namespace, trainer_version="2.9")).minor == "2.3"
    for wrong in ("1.9", "3.0", "latest", 2.1):
        with pytest.raises(InvalidInput, match="trainer_version"):
            newest.backend(namespace, trainer_version=wrong)


def test_a_cluster_without_trainer_says_so(tmp_path: Path) -> None:
    if MISSING:
        pytest.skip(REASON)
    with own_server(tmp_path / "bare") as kubeconfig:
        with pytest.raises(ControlPlaneMissing, match="Kubeflow Trainer is not installed"):
            TrainerClient(KubernetesBackendConfig(config_file=str(kubeconfig)))

        wire = Wire(kubeconfig)
        install(wire, crds("2.3"))
        wire.close()
        assert TrainerClient(KubernetesBackendConfig(config_file=str(kubeconfig))).list_runtimes() == []


def test_a_cluster_that_does_not_answer_or_does_not_let_in_says_so(newest: Home, tmp_path: Path) -> None:
    with pytest.raises(Unauthorized, match="log in"):
        TrainerClient(KubernetesBackendConfig(config_file=changed(newest.kubeconfig, tmp_path, token="wrong")))
    with pytest.raises(Unreachable):
        nobody = changed(newest.kubeconfig, tmp_path, server="https://127.0.0.1:1")
        TrainerClient(KubernetesBackendConfig(config_file=nobody))
    with pytest.raises(NotConfigured, match="no context 'prod'"):
        TrainerClient(KubernetesBackendConfig(config_file=str(newest.kubeconfig), context="prod"))


def test_an_override_that_leads_nowhere_is_named(newest: Home, namespace: str) -> None:
    _, counted = newest.backend(namespace)
    elsewhere = Catalogue(overridden(counted, group="trainer.example.com", runtime_version="v1"), namespace)

    with pytest.raises(ControlPlaneMissing) as error:
        elsewhere.load()
    assert str(error.value).endswith(
        "DEFAULT_TRAINER_API_GROUP=trainer.example.com, DEFAULT_TRAINER_RUNTIME_VERSION=v1."
    )
    with pytest.raises(InvalidInput, match="DEFAULT_TRAINER_TRAINJOB_VERSION cannot be 'v 1'"):
        overridden(counted, trainjob_version="v 1")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"namespace": "My_Team"}, "namespace='My_Team' cannot be"),
        ({"namespace": "a/b"}, "namespace='a/b' cannot be"),
        ({"namespace": 5}, "namespace=5 cannot be"),
        ({"config_file": 5}, "config_file= is the path of a kubeconfig, not 5"),
        ({"context": 5}, "context= is the name of a context"),
    ],
    ids=str,
)
def test_what_names_no_cluster_is_refused_before_one_is_asked(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        TrainerClient(KubernetesBackendConfig(**config))


def test_a_server_that_speaks_tls_is_not_asked_without(newest: Home, tmp_path: Path) -> None:
    server = yaml.safe_load(newest.kubeconfig.read_text("utf-8"))["clusters"][0]["cluster"]["server"]
    bare = changed(newest.kubeconfig, tmp_path, server=server.replace("https:", "http:"))
    with pytest.raises(Invalid, match="Write https:// in the server's URL"):
        TrainerClient(KubernetesBackendConfig(config_file=bare))


def test_a_namespace_that_does_not_exist_is_no_empty_one(newest: Home, namespace: str) -> None:
    backend = KubernetesBackend(newest.config("nowhere"))

    with pytest.raises(NotFound, match="kubectl create namespace nowhere"):
        backend.list_jobs()
    with pytest.raises(JobNotFound, match="in namespace 'nowhere', because there is no such namespace"):
        backend.get_job("a")

    there, counted = newest.backend(namespace)
    assert (there.list_jobs(), there.list_jobs()) == ([], [])
    assert counted.sent().count(f"GET /api/v1/namespaces/{namespace}") == 1
    with pytest.raises(JobNotFound, match=f"no TrainJob 'a' in namespace '{namespace}'"):
        there.get_job("a")


def test_a_client_can_be_sent_to_another_process(newest: Home, namespace: str) -> None:
    newest.made(namespace).trainjob("training")
    client = TrainerClient(newest.config(namespace))

    code = "import pickle, sys; print([job.name for job in pickle.loads(sys.stdin.buffer.read()).list_jobs()])"
    told = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(client), capture_output=True, check=True)

    assert told.stdout.decode().strip() == "['training']"
    assert f"namespace={namespace!r}" in repr(copy.deepcopy(client).backend)


FORKED = """\
import os, signal, sys, threading
from kubeflow.trainer import KubernetesBackendConfig, TrainerClient
client = TrainerClient(KubernetesBackendConfig(config_file=sys.argv[1], namespace=sys.argv[2]))
called = threading.Event()
wait = lambda: client.wait_for_job_status("job", callbacks=[lambda job: called.set()])
threading.Thread(target=wait, daemon=True).start()
called.wait()
if os.fork() == 0:
    signal.alarm(90)  # hanging is a failure too
    told = lambda job: print(job.status, flush=True)
    client.wait_for_job_status("job", {"Suspended"}, timeout=60, polling_interval=60, callbacks=[told])
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_is_told_of_changes_by_threads_of_its_own(newest: Home, namespace: str) -> None:
    newest.made(namespace).trainjob("job")
    arguments = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, str(newest.kubeconfig), namespace]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Created\n"
        TrainerClient(newest.config(namespace)).suspend_job("job")
        assert process.stdout.readline() == "Suspended\n"
        assert process.wait(120) == 0


def test_without_any_cluster_a_bare_client_says_how_to_run_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(NotConfigured, match=r"TrainerClient\(LocalProcessBackendConfig\(\)\)"):
        TrainerClient()


def test_offline_asks_nothing_and_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    client = TrainerClient(KubernetesBackendConfig(offline=True, namespace="ml"))

    job = client.train(dry_run=True, name="shown")

    assert job.metadata is not None
    assert job.metadata.namespace == "ml"
    for ask in (client.list_jobs, client.list_runtimes, client.train, lambda: client.get_job("a")):
        with pytest.raises(Unsupported, match="offline"):
            ask()


def test_who_may_not_list_the_runtimes_of_the_cluster_has_those_of_the_namespace(newest: Home, namespace: str) -> None:
    class Restricted(Counted):
        def send(self, request: Request) -> Mapping[str, object]:
            if request.path.endswith("/clustertrainingruntimes"):
                raise Forbidden("no", code=403)
            return super().send(request)

    _, counted = newest.backend(namespace)
    assert Catalogue(Restricted(counted.transport), namespace).load() == []
