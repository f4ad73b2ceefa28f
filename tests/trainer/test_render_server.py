"""Every TrainJob that `train` can produce is accepted by a real API server with the CRDs of its minor, unknown fields
being errors; and passes our own preflight in the runtime that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from kubeflow_api.trainer.v1alpha1 import Client, ClusterTrainingRuntime, TrainJob

from codegen import config
from codegen.pins.crd_manifests import pinned_crds
from kubeflow.core.resource import Request
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    CustomTrainerContainer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    InvalidInput,
    KubernetesBackendConfig,
    LoraConfig,
    Option,
    S3DatasetInitializer,
    S3ModelInitializer,
    TorchTuneConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.backends.kubernetes.connection.api_overrides import overridden
from kubeflow.trainer.rendering.older_minors import from_yaml
from kubeflow.trainer.rendering.preflight import check
from tests.apiserver import MISSING, REASON, UPSTREAM, Recorded, apiserver

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

ROOT = Path(__file__).parents[2]
MINORS = ("2.0", "2.1", "2.2", "2.3")
PATH = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainjobs"


@pytest.fixture(scope="module", params=MINORS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    manifests = pinned_crds(ROOT, config.load(ROOT).component("trainer"), request.param).values()
    with apiserver(tmp_path_factory.mktemp("apiserver"), manifests) as transport:
        yield request.param, transport


@cache
def runtimes(minor: str) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for file in Path(str(UPSTREAM), "trainer", f"v{minor}.0", "manifests/base/runtimes").rglob("*.yaml"):
        document = yaml.safe_load(file.read_text("utf-8"))
        if document["kind"] == "ClusterTrainingRuntime":
            found[document["metadata"]["name"]] = document
    return found


def train(text: str = "", numbers: Sequence[float] = ()) -> None: ...


# -- what `train` takes ---------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(
    st.sampled_from(["team", "example.com/Team_1", "a.b.c/x.y"]), st.sampled_from(["", "vision", "A_b.c-1"]), max_size=2
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
VARIABLES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
ENV = st.none() | st.dictionaries(VARIABLES, TEXTS, max_size=3)
COUNTS = st.none() | st.integers(1, 64)
RESOURCES = st.none() | st.fixed_dictionaries(
    {"gpu": st.integers(0, 8)},
    optional={"cpu": st.sampled_from([1, 0.5, "500m"]), "memory": st.sampled_from(["1Gi", 10**9])},
)
PATHS = st.from_regex(r"(/[A-Za-z0-9._-]{1,12}){1,3}", fullmatch=True)
JOBS = st.sampled_from([None, "node"])
QUANTITIES = st.none() | st.sampled_from(["1Gi", "500M", "10"])
SECURITY = {"run_as_user": st.integers(0, 2**31 - 1), "run_as_non_root": st.booleans()}

FUNCTIONS = st.builds(
    CustomTrainer,
    func=st.just(train),
    func_args=st.fixed_dictionaries({}, optional={"text": TEXTS, "numbers": st.lists(st.floats(), max_size=3)}),
    image=st.none() | st.just("registry.example.com/team/image:1"),
    num_nodes=COUNTS,
    num_proc_per_node=COUNTS,
    resources_per_node=RESOURCES,
    env=ENV,
    packages_to_install=st.none() | st.just(["numpy>=1"]),
)
CONTAINERS = st.builds(
    CustomTrainerContainer, image=st.just("image"), num_nodes=COUNTS, resources_per_node=RESOURCES, env=ENV
)
BUILTIN = st.builds(
    BuiltinTrainer,
    st.builds(
        TorchTuneConfig,
        batch_size=COUNTS,
        epochs=COUNTS,
        lr=st.none() | st.floats(1e-9, 1),
        num_nodes=st.none() | st.just(1),
        resources_per_node=st.none() | st.just({"gpu": 1}),
        peft_config=st.none() | st.builds(LoraConfig, lora_rank=COUNTS, use_dora=st.none() | st.booleans()),
    ),
)
DATASETS = st.one_of(
    st.builds(
        HuggingFaceDatasetInitializer,
        st.just("hf://a/b"),
        ignore_patterns=st.none() | st.lists(NAMES, max_size=2),
        access_token=st.none() | NAMES,
    ),
    st.builds(S3DatasetInitializer, st.just("s3://a/b"), endpoint=st.none() | NAMES, secret=st.none() | NAMES),
)
CACHES = st.builds(DataCacheInitializer, st.just("cache://a/b"), st.just("s3://a/meta.json"), st.integers(2, 5))
MODELS = st.one_of(
    st.builds(HuggingFaceModelInitializer, st.just("hf://a/b"), secret=st.none() | NAMES),
    st.builds(S3ModelInitializer, st.just("s3://a/b"), access_key_id=st.none() | NAMES, region=st.none() | NAMES),
)

# First minor that can say it -> options.
OPTIONS: dict[str, list[st.SearchStrategy[Any]]] = {
    "2.0": [
        st.builds(options.Labels, LABELS, st.sampled_from(["trainjob", "jobset"])),
        st.builds(options.Annotations, st.dictionaries(st.just("example.com/note"), TEXTS)),
        st.builds(options.Queue, NAMES, st.none() | NAMES),
        st.builds(options.Suspend),
        st.builds(options.Toleration, st.none() | NAMES, job=JOBS),
        st.builds(options.Toleration, NAMES, value=NAMES, effect=st.sampled_from(["NoSchedule", "PreferNoSchedule"])),
        st.builds(options.Toleration, effect=st.just("NoExecute"), toleration_seconds=st.integers(0, 100)),
        st.builds(options.NodeSelector, LABELS),
        st.builds(options.VolumeClaim, NAMES, PATHS, st.booleans(), st.none() | NAMES),
        st.builds(
            options.SecretFiles, NAMES, PATHS, st.none() | st.dictionaries(NAMES, NAMES, min_size=1), st.booleans()
        ),
        st.builds(options.ConfigMapFiles, NAMES, PATHS, st.none() | st.dictionaries(NAMES, NAMES, min_size=1)),
        st.builds(options.ScratchVolume, PATHS, QUANTITIES),
        st.builds(options.SharedMemory, QUANTITIES),
        st.builds(options.Volume, PATHS, st.just({"nfs": {"server": "a", "path": "/"}})),
        st.builds(options.SecretEnv, NAMES, st.lists(VARIABLES, min_size=1, max_size=2), st.booleans()),
        st.builds(options.ConfigMapEnv, NAMES, st.dictionaries(VARIABLES, NAMES, min_size=1, max_size=2)),
        st.builds(options.ServiceAccount, NAMES),
        st.just(options.PatchJobs(lambda node: node.pod_spec().scheduling_gate("example.com/quota"))),
    ],
    "2.1": [
        st.builds(options.Labels, LABELS, st.just("pod")),
        st.builds(options.ImagePullSecrets, st.lists(NAMES, min_size=1, max_size=2)),
        st.builds(options.MachineWith, NAMES, st.lists(NAMES, max_size=2), weight=st.none() | st.integers(1, 100)),
        st.builds(options.VolcanoQueue, NAMES),
        st.builds(
            options.Affinity,
            pod=st.just({"required_during_scheduling_ignored_during_execution": [{"topology_key": "zone"}]}),
        ),
    ],
    "2.2": [
        st.builds(options.ActiveDeadlineSeconds, st.integers(1, 2**31 - 1)),
        st.builds(options.Annotations, st.dictionaries(st.just("example.com/note"), TEXTS), st.just("job")),
        st.builds(lambda fields: options.PodSecurityContext(**fields), st.fixed_dictionaries({}, optional=SECURITY)),
        st.builds(lambda fields: options.ContainerSecurityContext(**fields), st.fixed_dictionaries(SECURITY)),
    ],
    "2.3": [st.builds(options.TerminationGracePeriod, st.integers(0, 10**6))],
}


@st.composite
def calls(draw: st.DrawFn, minor: str, names: Sequence[str]) -> dict[str, Any]:
    """Draw the arguments of a call of `train` that a cluster of `minor` can realise."""
    runtime = draw(st.sampled_from(names))
    torchtune = runtime.startswith("torchtune")
    pool = [strategy for since, strategies in OPTIONS.items() if since <= minor for strategy in strategies]
    given: list[Option] = draw(st.lists(st.one_of(pool), max_size=6))
    trainers = [BUILTIN] if torchtune else [FUNCTIONS, CONTAINERS]
    trainer = draw(st.one_of(st.none(), *trainers))
    initializer = None
    if torchtune:
        initializer = draw(st.none() | st.builds(Initializer, st.none() | DATASETS, st.none() | MODELS))
    elif runtime.endswith("with-cache"):
        initializer = draw(st.none() | st.builds(Initializer, CACHES))
    if isinstance(trainer, CustomTrainerContainer):
        commands = [options.TrainerCommand(["run"]), options.TrainerArgs(["", draw(TEXTS)])]
        given += draw(st.lists(st.sampled_from(commands), max_size=2, unique_by=type))
    if isinstance(trainer, CustomTrainer) and runtime == "torch-distributed":
        given += draw(st.lists(st.builds(options.MaxRestarts, st.integers(1, 9)), max_size=1))
    return {"runtime": runtime, "trainer": trainer, "initializer": initializer, "options": given}


# What two options drawn at random may say against each other, and what Trainer 2.0 and one of its runtimes cannot do.
EXPECTED = re.compile(
    r"contradict each other|mount a volume at|is set twice|given twice|"
    r"would wait for ever|Trainer 2\.0 has no LoRA|cannot fetch 's3:|Trainer 2\.0 fine-tunes|mounts no volume 'initializer'|"
    r"VolcanoQueue has no effect|says nothing of it"
)
slow = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


@slow
@given(data=st.data())
def test_what_train_renders_is_accepted_by_the_server_and_reads_back(
    cluster: tuple[str, Recorded], data: st.DataObject
) -> None:
    minor, transport = cluster
    shipped = runtimes(minor)
    call = data.draw(calls(minor, sorted(shipped)))
    client = TrainerClient(KubernetesBackendConfig(offline=True, trainer_version=minor))
    try:
        job = client.train(**call, dry_run=True)
        runtime = ClusterTrainingRuntime.from_server(shipped[call["runtime"]])
    except InvalidInput as error:
        assert EXPECTED.search(str(error)), error
        event("refused")
        return
    event("rendered")
    assert from_yaml(job.to_yaml()) == job

    query = {"dryRun": "All", "fieldValidation": "Strict"}
    stored = transport.send(Request("POST", PATH, query, job.to_dict()))

    assert sent_is_stored(job.to_dict()["spec"], stored["spec"])
    try:
        check(job, runtime, minor)
    except InvalidInput as error:
        assert EXPECTED.search(str(error)), error
        event("found by preflight")


def sent_is_stored(sent: Any, stored: Any) -> bool:
    """Return whether all that was sent is in what the server stored, which may have its defaults besides."""
    if isinstance(sent, Mapping):
        return all(key in stored and sent_is_stored(value, stored[key]) for key, value in sent.items())
    if isinstance(sent, list):
        return len(sent) == len(stored) and all(map(sent_is_stored, sent, stored))
    return bool(sent == stored)


def test_what_a_minor_does_not_know_is_refused_by_the_server_too(cluster: tuple[str, Recorded]) -> None:
    minor, transport = cluster
    newest = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        options=[options.ActiveDeadlineSeconds(60), options.TerminationGracePeriod(5)], dry_run=True
    )
    request = Request("POST", PATH, {"dryRun": "All", "fieldValidation": "Strict"}, newest.to_dict())
    if minor == "2.3":
        assert TrainJob.from_server(transport.send(request)).spec is not None
    else:
        with pytest.raises(Exception, match="unknown field"):
            transport.send(request)


def test_a_cluster_with_another_group_and_version_serves_the_same_client(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    manifests = [
        moved(manifest) for manifest in pinned_crds(ROOT, config.load(ROOT).component("trainer"), "2.3").values()
    ]
    rendered = TrainerClient(KubernetesBackendConfig(offline=True)).train(name="moved", dry_run=True)
    with apiserver(tmp_path_factory.mktemp("apiserver"), manifests) as transport:
        there = overridden(transport, group="train.example.com", trainjob_version="v1", runtime_version="v1")
        jobs = Client(there, namespace="default").train_jobs

        created = jobs.create(rendered)
        assert created.to_dict()["apiVersion"] == "train.example.com/v1"
        assert jobs.get("moved").spec == created.spec
        assert [job.metadata and job.metadata.name for job in jobs.list()] == ["moved"]
        suspended = jobs.patch("moved", {"spec": {"suspend": True}})
        assert suspended.spec is not None
        assert suspended.spec.suspend is True
        jobs.delete("moved")
        assert list(jobs.list()) == []


def moved(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CRD under another group and version."""
    spec = manifest["spec"]
    group = "train.example.com"
    name = f"{spec['names']['plural']}.{group}"
    versions = [{**version, "name": "v1"} for version in spec["versions"]]
    metadata = {**manifest["metadata"], "name": name}
    return {**manifest, "metadata": metadata, "spec": {**spec, "group": group, "versions": versions}}
