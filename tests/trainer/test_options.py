"""What each option writes, how several of them merge, and which mistakes are refused before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from kubeflow_api.k8s.core.v1 import Toleration as TolerationModel
from kubeflow_api.k8s.core.v1 import VolumeMount
from kubeflow_api.trainer import v1alpha1

from kubeflow.trainer import (
    CustomTrainer,
    Initializer,
    InvalidInput,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    Option,
    S3DatasetInitializer,
    TrainerClient,
    options,
)
from kubeflow.trainer.options import (
    ActiveDeadlineSeconds,
    Affinity,
    Annotations,
    ConfigMapEnv,
    ConfigMapFiles,
    ContainerPatch,
    ContainerSecurityContext,
    EditTrainJob,
    ImagePullSecrets,
    JobSetSpecPatch,
    JobSetTemplatePatch,
    JobSpecPatch,
    JobTemplatePatch,
    Labels,
    MachineWith,
    MaxRestarts,
    Name,
    NodeSelector,
    PatchJobs,
    PodSecurityContext,
    PodSpecPatch,
    PodTemplatePatch,
    Queue,
    ReplicatedJobPatch,
    ResourceRequests,
    RuntimePatch,
    ScratchVolume,
    SecretEnv,
    SecretFiles,
    ServiceAccount,
    SharedMemory,
    Toleration,
    TrainerArgs,
    TrainerCommand,
    TrainingRuntimeSpecPatch,
    VolcanoQueue,
    Volume,
    VolumeClaim,
)


def train() -> None: ...


def made(
    given: Sequence[Option],
    runtime: str = "torch-distributed",
    trainer: CustomTrainer | None = None,
    initializer: Initializer | None = None,
) -> v1alpha1.TrainJob:
    client = TrainerClient(KubernetesBackendConfig(offline=True))
    return client.train(runtime, trainer=trainer, initializer=initializer, options=given, dry_run=True)


def pods(*given: Option, runtime: str = "torch-distributed", job: str = "node") -> dict[str, Any]:
    """Return what options change of the pods of a job, as it is sent."""
    (patch,) = spec_of(made(given, runtime))["runtimePatches"]
    (found,) = [each for each in replicated_jobs(patch) if each["name"] == job]
    pod: dict[str, Any] = found["template"]["spec"]["template"]["spec"]
    return pod


def replicated_jobs(patch: Mapping[str, Any]) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    return jobs


def spec_of(job: v1alpha1.TrainJob) -> dict[str, Any]:
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    return spec


def mounted(name: str, path: str, **mount: object) -> list[dict[str, Any]]:
    return [{"name": "node", "volumeMounts": [{"name": name, "mountPath": path, **mount}]}]


# -- what each one writes -------------------------------------------------------------------------------------------

# fmt: off
WRITES: list[tuple[Option, dict[str, Any]]] = [
    (Toleration("gpu"), {"tolerations": [{"key": "gpu", "operator": "Exists"}]}),
    (Toleration("gpu", value="a100", effect="NoSchedule"), {"tolerations": [{"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"}]}),
    (NodeSelector({"pool": "a100"}), {"nodeSelector": {"pool": "a100"}}),
    (ServiceAccount("reader"), {"serviceAccountName": "reader"}),
    (ImagePullSecrets(["one", "two", "one"]), {"imagePullSecrets": [{"name": "one"}, {"name": "two"}]}),
    (PodSecurityContext(run_as_user=1000, fs_group=2000), {"securityContext": {"runAsUser": 1000, "fsGroup": 2000}}),
    (ContainerSecurityContext(capabilities={"add": ["IPC_LOCK"]}), {"containers": [{"name": "node", "securityContext": {"capabilities": {"add": ["IPC_LOCK"]}}}]}),
    (options.TerminationGracePeriod(120), {"terminationGracePeriodSeconds": 120}),
    (VolumeClaim("imagenet", "/data", read_only=True, sub_path="train"), {"volumes": [{"name": "data-claim", "persistentVolumeClaim": {"claimName": "imagenet"}}], "containers": mounted("data-claim", "/data", readOnly=True, subPath="train")}),
    (SecretFiles("token", "/etc/token", {"key": "file"}), {"volumes": [{"name": "etc-token-secret", "secret": {"secretName": "token", "items": [{"key": "key", "path": "file"}]}}], "containers": mounted("etc-token-secret", "/etc/token", readOnly=True)}),
    (ConfigMapFiles("settings", "/etc/settings", optional=True), {"volumes": [{"name": "etc-settings-config", "configMap": {"name": "settings", "optional": True}}], "containers": mounted("etc-settings-config", "/etc/settings", readOnly=True)}),
    (ScratchVolume("/scratch", "10Gi"), {"volumes": [{"name": "scratch-scratch", "emptyDir": {"sizeLimit": "10Gi"}}], "containers": mounted("scratch-scratch", "/scratch")}),
    (SharedMemory("8Gi"), {"volumes": [{"name": "dev-shm-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}], "containers": mounted("dev-shm-memory", "/dev/shm")}),
    (Volume("/nfs", {"nfs": {"server": "example.com", "path": "/"}}), {"volumes": [{"name": "nfs-volume", "nfs": {"server": "example.com", "path": "/"}}], "containers": mounted("nfs-volume", "/nfs")}),
    (PatchJobs(lambda node: node.pod_spec().scheduling_gate("example.com/quota")), {"schedulingGates": [{"name": "example.com/quota"}]}),
    (MachineWith("gpu", ["a100", "h100"]), {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["a100", "h100"]}]}]}}}}),
    (MachineWith("fast", weight=10), {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": {"matchExpressions": [{"key": "fast", "operator": "Exists"}]}}]}}}),
    (Affinity(pod_anti={"required_during_scheduling_ignored_during_execution": [{"topology_key": "rack"}]}), {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "rack"}]}}}),
]
# fmt: on


@pytest.mark.parametrize(("option", "expected"), WRITES, ids=[type(option).__name__ for option, _ in WRITES])
def test_an_option_writes_the_pods_that_train_and_nothing_else(option: Option, expected: dict[str, Any]) -> None:
    job = made([option])

    (patch,) = spec_of(job)["runtimePatches"]
    assert patch["manager"] == "sdk.kubeflow.org/options"
    assert [each["name"] for each in replicated_jobs(patch)] == ["node"]
    assert pods(option) == expected


def test_in_mpi_runtimes_the_launcher_trains_too() -> None:
    for job in ("launcher", "node"):
        assert pods(Toleration("gpu"), runtime="deepspeed-distributed", job=job) == pods(Toleration("gpu"))


def test_other_jobs_are_changed_by_name_and_in_their_own_container() -> None:
    claim = VolumeClaim("cache", "/cache", job=["dataset-initializer", "node"])

    fetching = pods(claim, runtime="torchtune-llama3.2-1b", job="dataset-initializer")
    assert [container["name"] for container in fetching["containers"]] == ["dataset-initializer"]
    assert pods(claim, runtime="torchtune-llama3.2-1b") == pods(VolumeClaim("cache", "/cache"))
    sidecar = pods(VolumeClaim("cache", "/cache", container="profiler"))
    assert [container["name"] for container in sidecar["containers"]] == ["profiler"]


def test_labels_and_annotations_are_put_on_what_was_named() -> None:
    job = made(
        [
            Labels({"on": "trainjob"}),
            Annotations({"note": "trainjob"}),
            Labels({"on": "jobset"}, on="jobset"),
            Labels({"on": "job"}, on="job"),
            Labels({"on": "pod"}, on="pod"),
            Annotations({"note": "pod"}, on="pod"),
        ]
    )

    assert job.metadata is not None
    assert (job.metadata.labels, job.metadata.annotations) == ({"on": "trainjob"}, {"note": "trainjob"})
    (patch,) = spec_of(job)["runtimePatches"]
    assert patch["trainingRuntimeSpec"]["template"]["metadata"] == {"labels": {"on": "jobset"}}
    (node,) = replicated_jobs(patch)
    assert node["template"]["metadata"] == {"labels": {"on": "job"}}
    pod = node["template"]["spec"]["template"]["metadata"]
    assert pod == {"labels": {"on": "pod"}, "annotations": {"note": "pod"}}


def test_a_queue_of_kueue_is_a_label_on_a_suspended_job() -> None:
    job = made([Queue("team-a", priority="high")])

    assert job.metadata is not None
    assert job.metadata.labels == {
        "kueue.x-k8s.io/queue-name": "team-a",
        "kueue.x-k8s.io/priority-class": "high",
    }
    assert spec_of(job)["suspend"] is True


def test_a_queue_of_volcano_is_an_annotation_where_volcano_looks() -> None:
    (patch,) = spec_of(made([VolcanoQueue("gpu")]))["runtimePatches"]

    assert patch["trainingRuntimeSpec"]["template"]["metadata"] == {
        "annotations": {"scheduling.volcano.sh/queue-name": "gpu"}
    }


def test_variables_come_from_secrets_and_config_maps_after_those_of_the_trainer() -> None:
    initializer = Initializer(dataset=S3DatasetInitializer("s3://bucket/data", region="eu-1"))
    job = made(
        [
            SecretEnv("wandb", ["WANDB_API_KEY"]),
            SecretEnv("registry", {"HF_TOKEN": "token"}, optional=True),
            ConfigMapEnv("settings", ["LEVEL"]),
            SecretEnv("keys", ["ACCESS_KEY_ID"], job="dataset-initializer"),
        ],
        runtime="torchtune-llama3.2-1b",
        initializer=initializer,
    )

    def secret(variable: str, name: str, key: str, **more: object) -> dict[str, Any]:
        return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}

    assert spec_of(job)["trainer"]["env"] == [
        secret("WANDB_API_KEY", "wandb", "WANDB_API_KEY"),
        secret("HF_TOKEN", "registry", "token", optional=True),
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}},
    ]
    assert spec_of(job)["initializer"]["dataset"]["env"] == [
        {"name": "REGION", "value": "eu-1"},
        secret("ACCESS_KEY_ID", "keys", "ACCESS_KEY_ID"),
    ]


def test_a_name_is_that_of_the_job() -> None:
    metadata = made([Name("chosen")]).metadata
    assert metadata is not None
    assert metadata.name == "chosen"


def test_any_field_can_be_reached_through_the_typed_object() -> None:
    def multikueue(job: v1alpha1.TrainJob) -> None:
        assert job.spec is not None
        job.spec.managed_by = "kueue.x-k8s.io/multikueue"

    assert spec_of(made([EditTrainJob(multikueue)]))["managedBy"] == "kueue.x-k8s.io/multikueue"


def test_an_edit_that_makes_nonsense_is_held_against_the_schema_and_the_rules() -> None:
    def mistyped(job: v1alpha1.TrainJob) -> None:
        assert job.spec is not None
        assert job.spec.trainer is not None
        job.spec.trainer.args = ["--epochs"]
        job.spec.trainer.args.append(2)  # type: ignore[arg-type]

    def unknown(job: v1alpha1.TrainJob) -> None:
        assert job.spec is not None
        job.spec.managed_by = "me"

    with pytest.raises(InvalidInput, match=r"trainer\.args\[1\]"):
        made([EditTrainJob(mistyped)])
    with pytest.raises(InvalidInput, match=r"spec.managedBy"):
        made([EditTrainJob(unknown)])


# -- the published classes ------------------------------------------------------------------------------------------


def patch(pod: PodSpecPatch, metadata: dict[str, Any] | None = None, job: str = "node") -> RuntimePatch:
    template = JobTemplatePatch(spec=JobSpecPatch(template=PodTemplatePatch(metadata=metadata, spec=pod)))
    jobs = [ReplicatedJobPatch(name=job, template=template)]
    spec = JobSetSpecPatch(replicated_jobs=jobs)
    return RuntimePatch(training_runtime_spec=TrainingRuntimeSpecPatch(template=JobSetTemplatePatch(spec=spec)))


def test_the_published_patch_takes_wire_keys_snake_case_keys_and_models() -> None:
    expected = {
        "containers": [{"name": "node", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 5, "effect": "NoExecute"}],
    }
    toleration = {"key": "k", "operator": "Exists", "effect": "NoExecute"}
    for mount, given in (
        ({"name": "v", "mountPath": "/v"}, {**toleration, "tolerationSeconds": 5}),
        ({"name": "v", "mount_path": "/v"}, {**toleration, "toleration_seconds": 5}),
    ):
        container = ContainerPatch("node", volume_mounts=[mount])
        assert pods(patch(PodSpecPatch(containers=[container], tolerations=[given]))) == expected
    container = ContainerPatch("node", volume_mounts=[VolumeMount(name="v", mount_path="/v")])
    model = TolerationModel(key="k", operator="Exists", effect="NoExecute", toleration_seconds=5)
    assert pods(patch(PodSpecPatch(containers=[container], tolerations=[model]))) == expected


def test_published_patches_and_options_end_in_one_entry() -> None:
    given = [
        Toleration("a"),
        patch(PodSpecPatch(tolerations=[{"key": "b"}], node_selector={"x": "y"}), {"labels": {"l": "m"}}),
        NodeSelector({"pool": "z"}),
        patch(PodSpecPatch(service_account_name="s"), job="dataset-initializer"),
    ]

    (entry,) = spec_of(made(given, "torchtune-llama3.2-1b"))["runtimePatches"]
    first, second = replicated_jobs(entry)
    assert first["template"]["spec"]["template"] == {
        "metadata": {"labels": {"l": "m"}},
        "spec": {
            "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b"}],
            "nodeSelector": {"x": "y", "pool": "z"},
        },
    }
    assert second["name"] == "dataset-initializer"
    assert RuntimePatch().apply(_spec()) == _spec()


def test_patches_of_others_stay_as_they_are() -> None:
    def kueue(job: v1alpha1.TrainJob) -> None:
        assert job.spec is not None
        job.spec.runtime_patches = [v1alpha1.RuntimePatch(manager="kueue.x-k8s.io/manager")]

    entries = spec_of(made([EditTrainJob(kueue), Toleration("a"), Toleration("b")]))["runtimePatches"]

    assert entries[0] == {"manager": "kueue.x-k8s.io/manager"}
    assert entries[1]["manager"] == "sdk.kubeflow.org/options"
    assert len(entries) == 2


# -- merging --------------------------------------------------------------------------------------------------------


def test_what_is_said_twice_stands_once() -> None:
    for option, expected in WRITES:
        assert pods(option, option) == expected, option


def test_later_labels_win_and_all_of_the_rest_adds_up() -> None:
    job = made([Labels({"a": "1", "b": "1"}), Labels({"b": "2"})])
    assert job.metadata is not None
    assert job.metadata.labels == {"a": "1", "b": "2"}
    (entry,) = spec_of(made([Labels({"a": "1"}, on="jobset"), Labels({"a": "2"}, on="jobset")]))["runtimePatches"]
    assert entry["trainingRuntimeSpec"]["template"]["metadata"]["labels"] == {"a": "2"}

    assert pods(NodeSelector({"a": "1"}), NodeSelector({"b": "2"}))["nodeSelector"] == {"a": "1", "b": "2"}
    security = pods(PodSecurityContext(run_as_user=1), PodSecurityContext(fs_group=2))["securityContext"]
    assert security == {"runAsUser": 1, "fsGroup": 2}
    both = pods(VolumeClaim("same", "/one"), VolumeClaim("same", "/two"))
    assert [volume["name"] for volume in both["volumes"]] == ["one-claim", "two-claim"]


def test_affinities_of_two_options_must_both_hold() -> None:
    either = Affinity(
        node={
            "required_during_scheduling_ignored_during_execution": {
                "node_selector_terms": [
                    {"match_expressions": [{"key": "a", "operator": "Exists"}]},
                    {"match_expressions": [{"key": "b", "operator": "Exists"}]},
                ]
            }
        }
    )
    affinity = pods(either, MachineWith("c"), MachineWith("d", weight=1), MachineWith("e", weight=2))["affinity"]

    node = affinity["nodeAffinity"]
    terms = node["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [[each["key"] for each in term["matchExpressions"]] for term in terms] == [["a", "c"], ["b", "c"]]
    assert [term["weight"] for term in node["preferredDuringSchedulingIgnoredDuringExecution"]] == [1, 2]


def test_paths_that_look_alike_do_not_share_a_volume() -> None:
    paths = ["/a/b", "/a-b", "/a_b", "/A/b", "/" + "long/" * 20 + "one", "/" + "long/" * 20 + "two", "/..."]
    made_of = pods(*(ScratchVolume(path) for path in paths))

    names = [volume["name"] for volume in made_of["volumes"]]
    assert len(set(names)) == len(paths)
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() and name[0].isalnum() for name in names)


# fmt: off
CONTRADICTIONS: list[tuple[str, list[Option], str]] = [
    ("one selector, two values", [NodeSelector({"a": "1"}), NodeSelector({"a": "2"})], "'a' of nodeSelector of job 'node'"),
    ("one path, two claims", [VolumeClaim("a", "/data"), VolumeClaim("b", "/data")], "volume 'data-claim' of job 'node'"),
    ("one path, two kinds", [VolumeClaim("a", "/data"), ScratchVolume("/data")], "mount a volume at '/data' in container 'node'"),
    ("one volume name, two sources", [Volume("/a", {"empty_dir": {}}, name="v"), Volume("/b", {"host_path": {"path": "/"}}, name="v")], "volume 'v'"),
    ("one volume, two paths", [Volume("/a", {"empty_dir": {}}, name="v"), Volume("/b", {"empty_dir": {}}, name="v")], "mount of volume 'v' of container 'node'"),
    ("two service accounts", [ServiceAccount("a"), ServiceAccount("b")], "'serviceAccountName' of job 'node'"),
    ("two users", [PodSecurityContext(run_as_user=1), PodSecurityContext(run_as_user=2)], "'runAsUser' of securityContext"),
    ("one variable, two secrets", [SecretEnv("a", ["X"]), SecretEnv("b", ["X"])], "'X' of node is set twice"),
    ("two deadlines", [ActiveDeadlineSeconds(1), ActiveDeadlineSeconds(2)], "given twice"),
    ("two numbers of restarts", [MaxRestarts(1), MaxRestarts(2)], "given twice"),
    ("two commands", [TrainerCommand(["a"]), TrainerCommand(["b"])], "given twice"),
    ("one path, written in two ways", [VolumeClaim("a", "/data"), VolumeClaim("b", "//data/./")], "volume 'data-claim'"),
    ("two queues", [Queue("a"), Queue("b")], "Queue is given twice"),
    ("two names", [Name("a"), Name("b")], "Two options name the job"),
    ("two argument lists", [TrainerArgs(["a"]), TrainerArgs(["b"])], "given twice"),
]
# fmt: on


@pytest.mark.parametrize(
    ("given", "words"), [case[1:] for case in CONTRADICTIONS], ids=[case[0] for case in CONTRADICTIONS]
)
def test_contradictions_are_refused_on_every_backend(
    given: list[Option], words: str, local_config: LocalProcessBackendConfig
) -> None:
    for client in (TrainerClient(KubernetesBackendConfig(offline=True)), TrainerClient(local_config)):
        for order in (given, given[::-1]):
            with pytest.raises(InvalidInput, match=words):
                client.train(options=order)


def test_a_variable_of_the_trainer_is_not_overridden_by_a_secret() -> None:
    with pytest.raises(InvalidInput, match="'A' of node is set twice"):
        made([SecretEnv("s", ["A"])], trainer=CustomTrainer(train, env={"A": "1"}))


# -- mistakes -------------------------------------------------------------------------------------------------------

# fmt: off
MISTAKES: list[tuple[str, Callable[[], object], str]] = [
    ("a name no cluster takes", lambda: Name("My Job"), "Try 'my-job'"),
    ("no deadline", lambda: ActiveDeadlineSeconds(0), "at least 1"),
    ("a number as label", lambda: Labels({"a": 1}), "write 'a': '1'"),  # type: ignore[dict-item]
    ("a label with spaces", lambda: Labels({"team": "computer vision"}), "no value of a label"),
    ("a key that no cluster takes", lambda: Annotations({"my note": "a"}), "'my note', which Kubernetes does not take"),
    ("a key with an odd domain", lambda: NodeSelector({"Example.com/a": "b"}), "example.com/team"),
    ("notes that are too long", lambda: Annotations({"note": "x" * 300_000}), "262,144"),
    ("a level that does not exist", lambda: Labels({}, on="pods"), "Did you mean 'pod'"),  # type: ignore[arg-type]
    ("jobs of the TrainJob", lambda: Labels({}, job="node"), "on='pod'"),
    ("one string as command", lambda: TrainerCommand("python"), "not one string"),
    ("one string as arguments", lambda: TrainerArgs("-v"), "list of strings"),
    ("a value of no taint", lambda: Toleration(value="a"), "key="),
    ("any value and one", lambda: Toleration("a", "Exists", "b"), "leave value='b' out"),
    ("seconds without eviction", lambda: Toleration("a", toleration_seconds=5), "NoExecute"),
    ("a comparison of nothing", lambda: MachineWith("a", operator="Gt"), "'Gt' does not go with"),
    ("a weight out of range", lambda: MachineWith("a", weight=0), "from 1 to 100"),
    ("a relative path", lambda: VolumeClaim("a", "data"), "absolute path"),
    ("the root", lambda: ScratchVolume("/"), "absolute path"),
    ("no quantity", lambda: SharedMemory("8 GB"), "8 GB"),
    ("two kinds of volume", lambda: Volume("/a", {"empty_dir": {}, "host_path": {"path": "/"}}), "one entry"),
    ("no requests", lambda: ResourceRequests({}), "is empty"),
    ("a part of a device", lambda: ResourceRequests({"gpu": 1}), "all of nvidia.com/gpu"),
    ("a part of huge pages", lambda: ResourceRequests({"hugepages-1Gi": "1Gi"}), "all of hugepages-1Gi"),
    ("a misspelt request", lambda: ResourceRequests({"memroy": "1Gi"}), "ResourceRequests does not know"),
    ("no keys", lambda: SecretEnv("a", []), "must not be empty"),
    ("one key as string", lambda: SecretEnv("a", "TOKEN"), r"\['TOKEN'\]"),
    ("an account that cannot exist", lambda: ServiceAccount("My Account"), "ServiceAccount 'My Account' cannot be"),
    ("a login that cannot exist", lambda: ImagePullSecrets(["a", "B_C"]), "'B_C' cannot be"),
    ("a claim that cannot exist", lambda: VolumeClaim("My Claim", "/a"), "claim 'My Claim' cannot be"),
    ("a secret that cannot exist", lambda: SecretEnv("A", ["X"]), "secret 'A' cannot be"),
    ("secret files that cannot exist", lambda: SecretFiles("A", "/a"), "secret 'A' cannot be"),
    ("a config map that cannot exist", lambda: ConfigMapEnv("A", ["X"]), "config_map 'A' cannot be"),
    ("config files that cannot exist", lambda: ConfigMapFiles("A", "/a"), "config_map 'A' cannot be"),
    ("a queue that cannot exist", lambda: Queue("a b"), "no value of a label"),
    ("a Volcano queue that cannot exist", lambda: VolcanoQueue("a b"), "'a b' cannot be"),
    ("a volume name of another syntax", lambda: Volume("/a", {"empty_dir": {}}, name="A_B"), "name='A_B'"),
    ("a way out of the volume", lambda: VolumeClaim("a", "/a", sub_path="../b"), "without '..'"),
    ("a file outside", lambda: SecretFiles("a", "/a", items={"key": "/etc/passwd"}), "a path within the volume"),
    ("the root in other words", lambda: ScratchVolume("/a/.."), "absolute path"),
    ("a taint that cannot exist", lambda: Toleration("a b"), "'a b', which Kubernetes does not take"),
    ("a taint's value that cannot exist", lambda: Toleration("a", value="b c"), "no value of a label"),
    ("a label that cannot exist", lambda: MachineWith("a b"), "'a b', which Kubernetes does not take"),
    ("a label's value that cannot exist", lambda: MachineWith("a", ["b c"]), "no value of a label"),
    ("a comparison of words", lambda: MachineWith("a", ["b"], operator="Gt"), "whole numbers, not 'b'"),
    ("a deadline after the end of time", lambda: ActiveDeadlineSeconds(2**70), "at most 2,147,483,647"),
    ("no function", lambda: EditTrainJob(5), "a function"),  # type: ignore[arg-type]
    ("a dict as patch", lambda: RuntimePatch({"template": {}}), "TrainingRuntimeSpecPatch"),  # type: ignore[arg-type]
    ("a container without a name", lambda: ContainerPatch(" "), "ContainerPatch name"),
]
BAD_WHEN_APPLIED: list[tuple[str, Option, str]] = [
    ("a misspelt field", PodSecurityContext(run_as_usr=1), "Did you mean 'run_as_user'"),  # type: ignore[call-arg]
    ("a misspelt key", patch(PodSpecPatch(tolerations=[{"ky": "a"}])), "Did you mean 'key'"),
    ("a value of no enum", patch(PodSpecPatch(tolerations=[{"effect": "Never"}])), "effect"),
    ("a volume of no kind", Volume("/a", {"empty_dr": {}}), "Did you mean"),  # type: ignore[typeddict-unknown-key]
    ("a builder's mistake", PatchJobs(lambda node: node.pod_spec().set(service_account_name=5)), "service_account_name|serviceAccountName"),  # type: ignore[arg-type]
    ("something that is no data", patch(PodSpecPatch(affinity={"nodeAffinity": object()})), "plain data or models"),
    ("variables of the trainer's container", patch(PodSpecPatch(containers=[ContainerPatch("node", env=[{"name": "A", "value": "1"}])])), "SecretEnv"),
    ("an empty list of jobs", Toleration("a", job=[]), "Leave it out"),
    ("variables of an initializer that is not there", SecretEnv("a", ["A"], job="model-initializer"), "initializer="),
    ("variables of a launcher", SecretEnv("a", ["A"], job="launcher"), "not of 'launcher'"),  # type: ignore[arg-type]
]
# fmt: on


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_a_mistake_shows_when_the_option_is_made(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


@pytest.mark.parametrize(
    ("option", "words"), [case[1:] for case in BAD_WHEN_APPLIED], ids=[case[0] for case in BAD_WHEN_APPLIED]
)
def test_a_mistake_in_detail_shows_when_the_job_is_made_on_any_backend(
    option: Option, words: str, local_config: LocalProcessBackendConfig
) -> None:
    for client in (TrainerClient(KubernetesBackendConfig(offline=True)), TrainerClient(local_config)):
        with pytest.raises(InvalidInput, match=words):
            client.train(options=[option])


def test_a_job_has_one_name_and_options_are_a_list() -> None:
    client = TrainerClient(KubernetesBackendConfig(offline=True))
    with pytest.raises(InvalidInput, match="name='a' and an option, 'b', both name the job"):
        client.train(name="a", options=[Name("b")], dry_run=True)
    assert client.train(name="a", options=[Name("a")], dry_run=True).metadata
    with pytest.raises(InvalidInput, match=r"write options=\[Name\(...\)\]"):
        client.train(options=Name("a"), dry_run=True)  # type: ignore[call-overload]


def _spec() -> Any:
    from kubeflow.trainer.jobs.jobspec import JobSpec
    from kubeflow.trainer.runtimes.shipped import shipped_runtime

    return JobSpec("job", shipped_runtime("torch-distributed"))
