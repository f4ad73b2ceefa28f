"""A search leaves the process that made it: what can go, what stays, and who goes on with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.jobs import Jobs
from kubeflow.optimizer import (
    PBT,
    GridSearch,
    Objective,
    OptimizationFailed,
    OptimizerClient,
    RandomSearch,
    Search,
    TrialConfig,
)
from kubeflow.optimizer.algorithms.history import SKIPPED
from kubeflow.optimizer.api.engine_choice import Engines
from kubeflow.optimizer.engines.client.study_document import ChoiceOfUser, read_document, write_document, write_spaces
from kubeflow.optimizer.engines.client.study_driver import StudyDriver
from kubeflow.optimizer.engines.client.study_findings import study_findings
from kubeflow.optimizer.engines.client.study_store import StudyStore
from kubeflow.optimizer.optimization_spec import OptimizationSpec, optimization_spec
from kubeflow.optimizer.trial_jobs import with_time_limit
from kubeflow.trainer import (
    ContainerBackendConfig,
    CustomTrainer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.jobs.jobspec import Edit, JobSpec
from tests.bench.inside.instant_backend import InstantBackend
from tests.optimizer.client import trial_functions
from tests.optimizer.client.trial_functions import Layer

WAIT = 120


def described(client: OptimizerClient, **given: object) -> OptimizationSpec:
    trainer = CustomTrainer.call(
        trial_functions.bowl, lr=0.5, batch=Search.int(1, 2), layer=Search.choice([Layer(1), None])
    )
    runtime = client.backend.resolve_runtime("torch-distributed")
    return optimization_spec(name="study", runtime=runtime, trainer=trainer, **given)  # type: ignore[arg-type]


def test_choices_of_the_users_classes_stay_here_and_keep_their_places(client: OptimizerClient) -> None:
    spec = described(client, enqueue=[{"layer": Layer(1)}])

    read = read_document(write_document(spec, LocalProcessBackendConfig()))

    assert read.config == LocalProcessBackendConfig()
    assert read.spec.enqueue == ({"layer": ChoiceOfUser(0, "Layer(width=1)")},)
    assert read.spec.space["layer"].encode(read.spec.enqueue[0]["layer"]) == "0"
    assert read.spec.trial.bundle is not None
    assert read.spec.trial.bundle.command() == spec.trial.bundle.command() if spec.trial.bundle else False


@dataclass(frozen=True)
class Taint:
    """An option with a function in it."""

    key: str

    def apply(self, spec: JobSpec) -> JobSpec:
        return replace(spec, edits=[*spec.edits, Edit("Taint", lambda job: setattr(job, "kind", self.key))])


def test_options_with_functions_go_along_and_what_cannot_go_is_refused_in_words(client: OptimizerClient) -> None:
    spec = described(client, options=[Taint("gpu"), options.Labels({"team": "vision"})])

    read = read_document(write_document(spec, None)).spec.trial

    assert [edit.description for edit in read.edits] == ["Taint"]
    assert read.labels == {"team": "vision"}
    with pytest.raises(InvalidInput, match=r"cannot go there: cannot pickle '_thread.lock'.*config_file="):
        write_document(spec, threading.Lock())


FIRST = """
import os, sys
from kubeflow.optimizer import GridSearch, OptimizerClient, Search, TrialConfig
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig
from tests.optimizer.client.trial_functions import once
client = OptimizerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
client.optimize(CustomTrainer.call(once, x=Search.int(0, 3), where=sys.argv[2]), name="study",
                algorithm=GridSearch(), trial_config=TrialConfig(4, 2))
os._exit(0)  # as a notebook whose kernel is killed
"""


def test_a_search_goes_on_without_the_process_that_made_it(
    client: OptimizerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([p for p in sys.path if p])}
    subprocess.run([sys.executable, "-c", FIRST, str(local_config.state_dir), str(marks)], env=environ, check=True)

    job = client.wait_for_job_status("study", timeout=WAIT)

    assert [trial.status for trial in job.trials] == ["Complete"] * 4
    assert sorted(marks.read_text().split()) == ["0", "1", "2", "3"]


def test_a_search_whose_process_was_never_started_is_taken_up(
    client: OptimizerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    trainer = CustomTrainer.call(trial_functions.once, x=Search.int(0, 1), where=str(tmp_path / "marks"))
    runtime = client.backend.resolve_runtime("torch-distributed")
    spec = optimization_spec(
        name="study", runtime=runtime, trainer=trainer, algorithm=GridSearch(), trial_config=TrialConfig(2)
    )
    assert local_config.state_dir is not None
    store = StudyStore(Path(local_config.state_dir))
    # As if the client had been killed after the first row, and the process after the second.
    study = store.add("study", "localprocess", 2, write_document(spec, local_config), b"damaged")
    store.ask(study, 0, {"x": "0"}, {}, None)

    job = client.wait_for_job_status("study", timeout=WAIT)

    assert [trial.parameters for trial in job.trials] == [{"x": 0}, {"x": 1}]
    assert sorted((tmp_path / "marks").read_text().split()) == ["0", "1"]
    # What drives it is a job of its own store, which has ended.
    (driver,) = Jobs(Path(local_config.state_dir) / "searches").all()
    assert driver.name == "study"
    with pytest.raises(InvalidInput, match="exists with other objectives"):
        client.optimize(trainer, name="study", resume=True, objectives=[Objective("accuracy")])


def test_a_client_says_which_engine_and_refuses_what_does_not_go_together(client: OptimizerClient) -> None:
    chosen = client._engines.choose(described(client))

    assert (chosen.engine.name, chosen.reason) == ("client", "jobs run on this machine")
    with pytest.raises(InvalidInput, match=r"engine='katib' is of a cluster.*KubernetesBackendConfig"):
        OptimizerClient(LocalProcessBackendConfig(), engine="katib")
    with pytest.raises(InvalidInput, match="engine is one of auto, client, katib, optimizationjob, not 'katip'"):
        Engines("katip", client.backend, None)
    with pytest.raises(InvalidInput, match=r"resume=True goes on with a search: say which one with name="):
        client.optimize(CustomTrainer(trial_functions.bowl), resume=True)


def test_a_dry_run_is_the_jobs_of_the_first_trials_and_a_name_of_others_jobs_is_refused(
    client: OptimizerClient, local_config: LocalProcessBackendConfig
) -> None:
    trainer = CustomTrainer.call(trial_functions.bowl, lr=0.5, batch=Search.int(1, 3))
    config = TrialConfig(3, 2)

    rendered = client.optimize(trainer, name="study", algorithm=GridSearch(), trial_config=config, dry_run=True)

    assert isinstance(rendered, list)
    assert [job.metadata.name for job in rendered if job.metadata] == ["study-0", "study-1"]
    assert client.list_jobs() == []
    trainer_client = TrainerClient(local_config)
    trainer_client.train(train_func=trial_functions.bowl, func_args={"lr": 1.0, "batch": 1}, name="study-0")
    with pytest.raises(InvalidInput, match="There is a job 'study-0'"):
        client.optimize(trainer, name="study", trial_config=config)
    trainer_client.delete_job("study-0")


def test_a_search_that_cannot_be_driven_fails_in_words(client: OptimizerClient, tmp_path: Path) -> None:
    runtime = client.backend.resolve_runtime("torch-distributed")
    trainer = CustomTrainer.call(trial_functions.once, x=Search.int(0, 1), where=str(tmp_path / "marks"))
    spec = optimization_spec(name="study", runtime=runtime, trainer=trainer)
    store = client._engines.get("client")._store  # type: ignore[attr-defined]
    store.add("study", "localprocess", 10, write_document(spec, LocalProcessBackendConfig()), b"")
    plan = JobPlan("study", ((NodePlan("search", ("/bin/sh", "-c", "echo no such module; exit 1")),),), str(tmp_path))
    Jobs(store.state / "searches").submit("study", lambda _: plan)

    with pytest.raises(OptimizationFailed, match="the process that drives it cannot run: no such module"):
        client.wait_for_job_status("study", timeout=WAIT)


def test_what_unique_skips_is_an_event_of_the_trial_that_came_instead(client: OptimizerClient, tmp_path: Path) -> None:
    spec = optimization_spec(
        name="all",
        runtime=client.backend.resolve_runtime("torch-distributed"),
        trainer=CustomTrainer.call(trial_functions.diverge, x=Search.int(0, 7)),
        algorithm=RandomSearch(random_state=1),
        trial_config=TrialConfig(8, unique=True),
    )
    store = StudyStore(tmp_path)
    study = store.add(spec.name, "bench", 8, write_document(spec, None), write_spaces(dict(spec.space)))
    row = store.find(spec.name)
    assert row is not None

    StudyDriver(store, row, spec, cast("Backend", InstantBackend())).run()

    trials = store.trials(study)
    assert sorted(trial.parameters["x"] for trial in trials) == [str(x) for x in range(8)]
    skipped = {trial.number: trial.notes[SKIPPED] for trial in trials if trial.notes.get(SKIPPED)}
    events = {each.number: each.message for each in store.events(study) if each.reason == "ProposalsSkipped"}
    assert events.keys() == skipped.keys() != set()
    for number, message in events.items():
        assert message.startswith(f"{skipped[number or 0]} proposal(s) were skipped")


def test_what_this_machine_cannot_share_or_a_cluster_cannot_name_is_refused(client: OptimizerClient) -> None:
    def refused(config: object, backend: object = client.backend, **given: object) -> list[str]:
        return [str(each) for each in study_findings(described(client, **given), cast("Backend", backend), config)]

    assert refused(LocalProcessBackendConfig(), algorithm=PBT()) == []
    (contained,) = refused(ContainerBackendConfig(), algorithm=PBT())
    assert "in containers. Take LocalProcessBackendConfig()" in contained
    cluster = KubernetesBackend(KubernetesBackendConfig(offline=True))
    (shared,) = refused(cluster.config, cluster, algorithm=PBT())
    assert "on a cluster. Take OptimizerClient(engine='katib')" in shared
    long = replace(described(client, trial_config=TrialConfig(101)), name="a" * 45)
    (named,) = study_findings(long, cast("Backend", cluster), cluster.config)
    assert "Give name= at most 44 characters" in str(named)
    assert study_findings(replace(long, name="a" * 44), cast("Backend", cluster), cluster.config) == []


def test_a_trial_ends_at_the_earlier_of_two_limits(client: OptimizerClient) -> None:
    limited = described(client, options=[options.ActiveDeadlineSeconds(30)]).trial
    assert with_time_limit(limited, 600).active_deadline_seconds == 30
    assert with_time_limit(limited, 0.5).active_deadline_seconds == 1
    assert with_time_limit(limited, None) == limited
