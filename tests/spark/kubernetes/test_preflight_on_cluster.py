"""What is found out before a job is made: the account with the rights, and what the operator watches."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from kubeflow.cluster.errors import ControlPlaneMissing
from kubeflow.core.errors import InvalidInput
from kubeflow.spark import Driver, KubernetesBackendConfig, NoSparkAccount, SparkClient
from kubeflow.spark.backends.kubernetes.operator_settings import OperatorSettings, parse_operator_version
from tests.cluster.faults import Fault
from tests.cluster.proxy import Proxy
from tests.cluster.spark.sparkaccounts import make_account
from tests.cluster.spark.sparkcontroller import SparkScenario
from tests.cluster.spark.sparkstage import Home, SparkCluster, config_of
from tests.cluster.stage import namespace as new_namespace

_numbers = itertools.count()
FILE = "local:///opt/etl.py"
ONLY_PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "list", "watch", "delete"]}]


@pytest.fixture
def bare(spark_cluster: SparkCluster) -> Home:
    """A namespace without an account for drivers."""
    name = new_namespace(spark_cluster.wire, f"bare-{next(_numbers)}")
    spark_cluster.operator.scenarios["etl"] = SparkScenario(ignored=True)
    return Home(spark_cluster, name, SparkClient(config_of(spark_cluster, name)))


def account(home: Home, name: str = "etl") -> str:
    return str(home.wire.send("GET", home.path("sparkapplications", name))["spec"]["driver"]["serviceAccount"])


def test_a_namespace_without_an_account_is_refused_with_what_to_do(bare: Home) -> None:
    before = bare.sent
    with pytest.raises(NoSparkAccount, match=r"No service account .* driver=Driver\(service_account=") as refused:
        bare.client.process_data(file=FILE, name="etl")
    assert refused.value.namespace == bare.namespace
    assert not [request for request in bare.requests(before) if request.writes]


def test_the_right_that_is_missing_is_named(bare: Home) -> None:
    make_account(bare.wire, bare.namespace, rules=ONLY_PODS)
    with pytest.raises(NoSparkAccount, match="may not create configmaps") as refused:
        bare.client.process_data(file=FILE, name="etl")
    assert refused.value.missing == ("create configmaps",)


def test_an_account_with_the_rights_is_found_and_kept(bare: Home) -> None:
    make_account(bare.wire, bare.namespace, rules=ONLY_PODS)
    make_account(bare.wire, bare.namespace, "my-spark")
    bare.client.process_data(file=FILE, name="etl")
    assert account(bare) == "my-spark"
    before = bare.sent
    bare.operator.scenarios["etl-2"] = SparkScenario(ignored=True)
    bare.client.process_data(file=FILE, name="etl-2")
    assert [request.method for request in bare.requests(before)] == ["POST"]


def test_a_named_account_is_checked(bare: Home) -> None:
    make_account(bare.wire, bare.namespace, "weak", rules=[])
    with pytest.raises(NoSparkAccount, match="'weak' .* may not create pods"):
        bare.client.process_data(file=FILE, name="etl", driver=Driver(service_account="weak"))


def test_where_rights_may_not_be_asked_the_named_account_is_taken(bare: Home) -> None:
    bare.cluster.front.inject(Fault("answer", code=403), path=f"{bare.namespace}/localsubjectaccessreviews", times=None)
    bare.client.process_data(file=FILE, name="etl", driver=Driver(service_account="theirs"))
    assert account(bare) == "theirs"


def test_where_accounts_may_not_be_seen_the_usual_one_is_taken_with_a_word(
    bare: Home, caplog: pytest.LogCaptureFixture
) -> None:
    bare.cluster.front.inject(Fault("answer", code=403), path=f"{bare.namespace}/serviceaccounts", times=None)
    bare.client.process_data(file=FILE, name="etl")
    assert account(bare) == "spark-operator-spark"
    assert "name another one with driver=Driver(service_account=...)" in caplog.text


def deployment(*args: str, version: str = "2.5.2") -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "spark-operator", "app.kubernetes.io/version": version}
    container = {"name": "spark-operator-controller", "image": "x", "args": ["controller", "start", *args]}
    return {
        "metadata": {"name": "spark-operator-controller", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}},
        },
    }


@pytest.mark.parametrize(
    ("args", "watched"),
    [
        (("--namespaces=default,team-a",), False),
        (('--namespaces=""',), True),
        ((), True),
        (("--namespaces=default", "--namespace-selector=spark=yes"), True),
    ],
)
def test_a_namespace_that_the_operator_does_not_watch_is_refused(
    home: Home, args: tuple[str, ...], watched: bool
) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    home.wire.send("POST", path, deployment(*args))
    home.operator.scenarios["etl"] = SparkScenario(ignored=True)
    try:
        if watched:
            home.client.process_data(file=FILE, name="etl")
        else:
            with pytest.raises(InvalidInput, match="does not look at namespace .* it looks at default, team-a"):
                home.client.process_data(file=FILE, name="etl")
    finally:
        home.wire.remove(f"{path}/spark-operator-controller")


def test_an_application_that_nobody_looks_at_is_told_as_such(home: Home) -> None:
    home.operator.scenarios["etl"] = SparkScenario(ignored=True)
    home.client.process_data(file=FILE, name="etl")
    assert home.client.explain("etl").startswith("Spark job 'etl' is Created: the operator has not looked at it yet.")


@pytest.mark.parametrize(
    ("text", "version"), [("2.5.2", (2, 5, 2)), ("v2.4.0-rc.1", (2, 4, 0)), ("2.6", (2, 6, 0)), ("latest", None)]
)
def test_versions_of_the_operator_are_read(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_operator_version(text) == version
    assert OperatorSettings(version).unquoted is (version is None or version <= (2, 5, 2))


def test_a_cluster_without_the_operator_is_refused_when_the_client_is_made(spark_cluster: SparkCluster) -> None:
    front: Proxy = spark_cluster.front
    front.inject(Fault("answer", code=404, message="not found"), path="/apis/sparkoperator.k8s.io$")
    with pytest.raises(ControlPlaneMissing, match="Spark Operator is not installed"):
        SparkClient(config_of(spark_cluster, "default"))
    with pytest.raises(Exception, match="offline"):
        SparkClient(KubernetesBackendConfig(offline=True)).list_jobs()
