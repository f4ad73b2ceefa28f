"""Every public option on this machine: it is realised, or it is named in one warning and changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubeflow.trainer import (
    CustomTrainerContainer,
    InvalidInput,
    JobSpec,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    Option,
    TrainerClient,
    Unsupported,
    options,
)
from kubeflow.trainer.jobs.jobspec import Edit, job_spec
from kubeflow.trainer.options import (
    JobSetTemplatePatch,
    RuntimePatch,
    TrainingRuntimeSpecPatch,
)
from kubeflow.trainer.runtimes.shipped import shipped_runtime

WAIT = 180  # seconds; a job takes about four on a quiet machine

ON_CLUSTERS: list[Option] = [
    options.Affinity(pod={"required_during_scheduling_ignored_during_execution": [{"topology_key": "rack"}]}),
    options.Annotations({"team": "vision"}),
    options.Annotations({"team": "vision"}, on="pod"),
    options.ConfigMapEnv("settings", ["LEVEL"]),
    options.ConfigMapFiles("settings", "/etc/settings"),
    options.ContainerSecurityContext(allow_privilege_escalation=False),
    options.EditTrainJob(lambda job: None, "MultiKueue"),
    options.ImagePullSecrets(["registry"]),
    options.Labels({"team": "vision"}, on="pod"),
    options.Labels({"team": "vision"}, on="jobset"),
    options.MachineWith("gpu", ["a100"]),
    options.NodeSelector({"pool": "a100"}),
    options.PatchJobs(lambda node: node.pod_spec().scheduling_gate("example.com/quota")),
    options.PodSecurityContext(run_as_user=1000),
    options.Queue("team-a", priority="high"),
    options.ResourceRequests({"cpu": "500m"}),
    RuntimePatch(TrainingRuntimeSpecPatch(JobSetTemplatePatch(metadata={"labels": {"a": "b"}}))),
    options.ScratchVolume("/scratch"),
    options.SecretEnv("wandb", ["WANDB_API_KEY"]),
    options.SecretFiles("token", "/etc/token"),
    options.ServiceAccount("reader"),
    options.SharedMemory("1Gi"),
    options.TerminationGracePeriod(60),
    options.Toleration("gpu"),
    options.VolcanoQueue("team-a"),
    options.Volume("/nfs", {"nfs": {"server": "example.com", "path": "/"}}),
    options.VolumeClaim("imagenet", "/data"),
]
ON_MACHINES: list[Option] = [
    options.ActiveDeadlineSeconds(600),
    options.Labels({"team": "vision"}),
    options.MaxRestarts(1),
    options.Name("named-by-option"),
    options.Suspend(),
    options.TrainerArgs(["--epochs", "1"]),
    options.TrainerCommand(["python", "train.py"]),
]
EVERY = [*ON_CLUSTERS, *ON_MACHINES]


def _label(option: Option) -> str:
    return f"{type(option).__name__}-{getattr(option, 'on', '')}".rstrip("-")


def spec_with(*given: Option) -> JobSpec:
    return job_spec(name="job", runtime=shipped_runtime("torch-distributed"), options=given)


def option_types() -> Iterator[type]:
    for name in options.__all__:
        kind = getattr(options, name)
        if hasattr(kind, "apply"):
            yield kind


def train() -> None: ...


@pytest.fixture
def client(local_config: LocalProcessBackendConfig) -> Iterator[TrainerClient]:
    client = TrainerClient(local_config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)


def test_every_option_declares_where_it_is_realised_and_is_tried_here() -> None:
    for kind in option_types():
        assert "cluster_only" in vars(kind), f"{kind.__name__} does not declare cluster_only"
    assert {type(option) for option in EVERY} == set(option_types())


@pytest.mark.parametrize("option", EVERY, ids=_label)
def test_an_option_for_clusters_changes_nothing_of_a_job_of_this_machine(option: Option) -> None:
    plain, spec = spec_with(), spec_with(option)

    assert spec != plain  # its effect is there for a cluster
    if option in ON_CLUSTERS:
        assert spec.on_machine() == replace(plain, cluster_options=(type(option).__name__,))
    else:
        assert spec.on_machine() == spec
        assert not spec.edits


@pytest.mark.parametrize("option", EVERY, ids=_label)
def test_an_option_is_rendered_the_same_by_clients_of_clusters_and_of_this_machine(
    option: Option, local_config: LocalProcessBackendConfig
) -> None:
    trainer = CustomTrainerContainer(image="example.com/train")

    there, here, plain = (
        client.train(name=name, trainer=trainer, options=given, dry_run=True).to_dict()
        for client, given in (
            (TrainerClient(KubernetesBackendConfig(offline=True)), [option]),
            (TrainerClient(local_config), [option]),
            (TrainerClient(local_config), []),
        )
        for name in ["named-by-option" if isinstance(option, options.Name) else "job"]
    )

    assert here == there
    assert here != plain or isinstance(option, (options.Name, options.EditTrainJob))


def test_a_job_with_all_options_for_clusters_runs_and_names_them_in_one_warning(
    client: TrainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        name = client.train(train_func=train, options=[*ON_CLUSTERS, options.Labels({"mine": "yes"})])

    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    expected = ", ".join(dict.fromkeys(type(option).__name__ for option in ON_CLUSTERS))
    assert warnings == [
        f"job {name}: options {expected} have no effect on this machine, only on a cluster: leave them out here, or "
        "train with TrainerClient(KubernetesBackendConfig()) (OptionsNotUsed)"
    ]
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert [job.name for job in client.list_jobs(label_selector="mine=yes")] == [name]
    assert client.list_jobs(label_selector="kueue.x-k8s.io/queue-name") == []
    assert "OptionsNotUsed" in [event.reason for event in client.get_job_events(name)]


def test_options_of_this_machine_are_realised_in_silence(
    client: TrainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    given = [option for option in ON_MACHINES if not isinstance(option, (options.TrainerArgs, options.TrainerCommand))]

    with caplog.at_level(logging.WARNING):
        name = client.train(train_func=train, options=given)

    assert caplog.records == []
    assert name == "named-by-option"
    assert client.get_job(name).status == "Suspended"
    assert [job.name for job in client.list_jobs(label_selector="team=vision")] == [name]
    client.resume_job(name)
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"


@pytest.mark.parametrize("runtime", ["torch-distributed", "torchtune-llama3.2-1b"])
@pytest.mark.parametrize("option", [options.TrainerArgs(["--epochs", "1"]), options.TrainerCommand(["python"])])
def test_a_command_is_refused_where_functions_run(client: TrainerClient, option: Option, runtime: str) -> None:
    with pytest.raises(Unsupported, match="run functions, not commands"):
        client.train(runtime, options=[option])


class Mixed:
    """An option of a user's: a change that any backend can make, and one for clusters alone."""

    def apply(self, spec: JobSpec) -> JobSpec:
        return replace(spec, suspend=True, labels={"a": "b"}, edits=(*spec.edits, Edit("Gate", lambda job: None)))


class Declared:
    """An option of a user's that says where it belongs."""

    cluster_only = True

    def apply(self, spec: JobSpec) -> JobSpec:
        return replace(spec, suspend=True)


@pytest.mark.parametrize("option", [Mixed(), Declared()])
def test_an_option_of_a_user_that_is_for_clusters_is_left_out_as_a_whole(option: Option) -> None:
    spec = spec_with(options.Labels({"c": "d"}), option, options.Suspend(), options.Labels({"e": "f"}))

    here = spec.on_machine()

    assert spec.suspend
    assert (here.suspend, dict(here.labels), list(here.edits)) == (True, {"c": "d", "e": "f"}, [])
    assert here.cluster_options == (type(option).__name__,)
    assert not spec_with(option).on_machine().suspend


def test_another_name_for_the_job_reaches_what_runs_here() -> None:
    spec = replace(spec_with(options.Queue("team-a")), name="fresh")

    assert spec.on_machine().name == "fresh"


def test_contradictions_among_options_for_clusters_are_refused_here_too(client: TrainerClient) -> None:
    with pytest.raises(InvalidInput, match="Queue is given twice"):
        client.train(train_func=train, options=[options.Queue("a"), options.Queue("b")])
