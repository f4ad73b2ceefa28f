"""Searches that go on after they have ended, rested or were killed, also with another function and by two clients."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    TPE,
    GridSearch,
    MedianStop,
    Objective,
    OptimizationFailed,
    OptimizationNotFound,
    OptimizationSpec,
    OptimizerClient,
    RandomSearch,
    Search,
    TrialConfig,
)
from kubeflow.optimizer.engines.client.client_engine import ClientEngine
from kubeflow.optimizer.engines.client.study_document import read_spaces, write_document, write_spaces
from kubeflow.optimizer.engines.client.study_driver import StudyDriver
from kubeflow.optimizer.engines.client.study_resumption import check_extension, check_goes_on
from kubeflow.optimizer.engines.client.study_store import StudyRow, StudyStore, TrialRow
from kubeflow.optimizer.engines.client.trial_jobs_of_study import TrialJobs
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.packaging import RankOutcome
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient, TrainJob
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobExists, JobNotFound
from kubeflow.trainer.jobs.jobspec import JobSpec
from tests.bench.inside.instant_backend import InstantBackend
from tests.optimizer.client import trial_functions
from tests.optimizer.client.trial_functions import Layer
from tests.optimizer.searches import RUNTIME

WAIT = 120
made: Any = Search


def described(space: Any = None, **given: Any) -> OptimizationSpec:
    trainer = CustomTrainer(trial_functions.taken)
    chosen = space or made.int(0, 7)
    return optimization_spec(name="study", runtime=RUNTIME, trainer=trainer, search_space={"x": chosen}, **given)


def recorded(state: Path, spec: OptimizationSpec) -> tuple[StudyStore, int]:
    store = StudyStore(state)
    spaces = write_spaces(dict(spec.space))
    return store, store.add(spec.name, "localprocess", spec.config.num_trials, write_document(spec, None), spaces)


def row_of(store: StudyStore) -> StudyRow:
    row = store.find("study")
    assert row is not None
    return row


def driven(store: StudyStore, spec: OptimizationSpec, backend: InstantBackend) -> StudyRow:
    """Drive a search until it ends or rests, and return its row."""
    StudyDriver(store, row_of(store), spec, cast("Backend", backend)).run()
    return row_of(store)


class CrowdedBackend(InstantBackend):
    """Has a job of somebody else with the name of a trial, and one that is deleted while somebody looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []

    def train(self, spec: JobSpec) -> None:
        if spec.name == "study-1":
            raise JobExists(spec.name)
        super().train(spec)

    def outcome(self, name: str) -> RankOutcome:
        if name == "study-2":
            del self.jobs[name]
            raise JobNotFound(name, ())
        return super().outcome(name)

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)


def test_jobs_of_others_are_no_trials_and_stay_and_a_deleted_job_is_a_failed_trial(tmp_path: Path) -> None:
    spec = described(algorithm=GridSearch(), trial_config=TrialConfig(4, retain=False))
    store, study = recorded(tmp_path, spec)
    backend = CrowdedBackend()

    assert driven(store, spec, backend).phase == "Complete"

    trials = store.trials(study)
    assert [trial.phase for trial in trials] == ["Complete", "Failed", "Failed", "Complete"]
    assert "There is a job 'study-1' that is not of this search" in trials[1].reason
    assert trials[2].reason == "its job is gone"
    assert "study-1" not in backend.deleted


class TextBackend(InstantBackend):
    """Has functions that return text."""

    def outcome(self, name: str) -> RankOutcome:
        return RankOutcome(rank=0, status="succeeded", result="0.5")

    def get_job_logs(self, *given: object) -> list[str]:
        return []


def test_a_function_that_returns_no_number_is_told_what_it_returned(tmp_path: Path) -> None:
    spec = described(algorithm=GridSearch(), trial_config=TrialConfig(4))
    store, _ = recorded(tmp_path, spec)

    ended = driven(store, spec, TextBackend())

    assert "it gave no metric at all, and 'loss' is looked for. Its function returned '0.5', where" in ended.reason


class QueuedBackend(InstantBackend):
    """Has jobs that wait in a queue when they are looked at for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed: list[str] = []

    def train(self, spec: JobSpec) -> None:
        super().train(spec)
        self.jobs[spec.name] = replace(self.jobs[spec.name], status="Suspended")

    def list_jobs(self, label_selector: str | None = None) -> list[TrainJob]:
        shown = super().list_jobs(label_selector)
        self.jobs = {name: replace(job, status="Complete") for name, job in self.jobs.items()}
        return shown

    def resume_job(self, name: str) -> None:
        self.resumed.append(name)


def test_a_job_that_waits_in_a_queue_is_left_to_it_and_one_that_rested_with_its_search_goes_on(tmp_path: Path) -> None:
    spec = described(algorithm=GridSearch(), trial_config=TrialConfig(2))
    store, study = recorded(tmp_path, spec)
    backend = QueuedBackend()
    rested = store.ask(study, 0, {"x": "0"}, {}, None)
    backend.train(TrialJobs(cast("Backend", backend), spec, tmp_path).job(rested))
    store.submitted(study, rested.number)

    assert driven(store, spec, backend).phase == "Complete"

    assert [trial.phase for trial in store.trials(study)] == ["Complete", "Complete"]
    assert backend.resumed == ["study-0"]


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store, _ = recorded(tmp_path, described())
    with store.database.writing() as db:
        db.execute("PRAGMA user_version = 99")
    store.database.close()

    with pytest.raises(InvalidInput, match=r"store of searches.*newer kubeflow .schema 99.*upgrade"):
        OptimizerClient(LocalProcessBackendConfig(state_dir=tmp_path)).list_jobs()


def test_time_and_failures_of_a_search_that_had_ended_count_anew(tmp_path: Path) -> None:
    spec = described(algorithm=GridSearch(), trial_config=TrialConfig(3, max_failed_trials=0, timeout=60))
    store, study = recorded(tmp_path, spec)
    store.settle(study, store.ask(study, 0, {"x": "0"}, {}, None))
    store.settle(study, TrialRow(0, "Failed", {"x": "0"}, reason="no luck", ended=time.time()))
    store.move(study, "Running", active=61.0)
    assert not store.restart(study), "it runs"

    assert driven(store, spec, InstantBackend()).reason.startswith("1 trials have failed, and max_failed_trials is 0")
    assert row_of(store).active > 61.0
    assert store.restart(study)
    assert row_of(store).active == 0.0
    assert driven(store, spec, InstantBackend()).phase == "Complete"
    assert [trial.phase for trial in store.trials(study)] == ["Failed", "Complete", "Complete"]
    # One that rests goes on with its time.
    store.move(study, "Suspended", active=5.0)
    assert store.restart(study)
    assert row_of(store).active == 5.0


def test_the_time_of_a_process_that_was_killed_counts_up_to_its_last_sign_of_life(tmp_path: Path) -> None:
    spec = described(trial_config=TrialConfig(4, timeout=60))
    store, study = recorded(tmp_path, spec)
    store.move(study, "Running", active=30.0)
    with store.database.writing() as db:
        db.execute("UPDATE events SET time = time - 40 WHERE reason = 'Running'")

    ended = driven(store, spec, InstantBackend())

    assert (ended.phase, ended.reason) == ("Complete", "its time was up: timeout is 60 s")
    assert store.trials(study) == []


def test_of_two_clients_the_one_that_wants_the_end_is_followed(tmp_path: Path) -> None:
    store, study = recorded(tmp_path, described())
    assert store.want(study, "stop")
    assert not store.want(study, "suspend")
    assert row_of(store).wanted == "stop"
    store.move(study, "Suspended")
    assert store.restart(study, wanted="stop")
    assert not store.restart(study), "another client was quicker"
    assert (row_of(store).phase, row_of(store).wanted) == ("Created", "stop")


def test_a_search_goes_on_with_what_it_was_and_not_with_another_one() -> None:
    class Own:
        pass

    before = described(made.choice([Own(), 1]), algorithm=TPE(1), early_stopping=MedianStop())
    check_goes_on(before, described(made.choice([Own(), 1]), algorithm=TPE(1), early_stopping=MedianStop()))
    for asked, words in (
        ({"space": made.choice([Own(), True])}, "exists with other search spaces"),
        (
            {"algorithm": RandomSearch(1)},
            r"other settings of its algorithm: it has TPE\(random_state=1\), and RandomSearch",
        ),
        ({"early_stopping": None}, "other early stopping"),
        ({"objectives": [Objective("accuracy")]}, "other objectives"),
    ):
        given: dict[str, Any] = {"space": made.choice([Own(), 1]), "algorithm": TPE(1), "early_stopping": MedianStop()}
        with pytest.raises(InvalidInput, match=words):
            check_goes_on(before, described(**{**given, **asked}))


def test_more_trials_are_refused_where_none_would_run() -> None:
    reached = [TrialRow(3, "Complete", {"x": "1"}, objectives=(0.25,))]
    check_extension(described(), reached, 40)
    with pytest.raises(InvalidInput, match=r"Trial 3 of search 'study' has reached the goal: loss is 0\.25"):
        check_extension(described(objectives=[Objective(goal=0.5)]), reached, 40)
    with pytest.raises(InvalidInput, match="The grid has 8 points"):
        check_extension(described(algorithm=GridSearch(), trial_config=TrialConfig(8)), reached, 9)


def test_choices_are_the_objects_of_this_process_and_others_have_what_they_can(client: OptimizerClient) -> None:
    class Own:
        pass

    own = [Own(), Own()]
    spec = described(made.choice(own))
    engine = cast("ClientEngine", client._engines.get("client"))
    study = engine._store.add("study", "localprocess", 1, write_document(spec, None), b"")
    engine._keep_view(study, spec)

    (job,) = client.list_jobs()

    assert [made.choice(own).index(choice) for choice in cast("Any", job.search_space["x"]).choices] == [0, 1]
    space = {"x": spec.space["x"], "layer": made.choice([Layer(1), Layer(2)])}
    read = read_spaces(write_spaces(space), {})
    assert read["layer"] == space["layer"]
    assert read["x"] != space["x"]


def test_one_callback_is_no_list_of_them(client: OptimizerClient) -> None:
    with pytest.raises(InvalidInput, match=r"callbacks takes a list of functions.*write callbacks=\[...\]"):
        client.wait_for_job_status("study", callbacks=print)  # type: ignore[arg-type]


def test_a_search_that_is_deleted_while_somebody_looks_at_it_is_not_there(client: OptimizerClient) -> None:
    engine = cast("ClientEngine", client._engines.get("client"))
    study = engine._store.add("study", "localprocess", 1, write_document(described(), None), b"")
    row = row_of(engine._store)
    engine._store.forget(study)

    with pytest.raises(OptimizationNotFound, match="no search 'study'. There is none"):
        engine._show(row)


class SlowBackend(InstantBackend):
    """Has a job of a search, which takes its time to be deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go, self.deleted = threading.Event(), threading.Event(), list[str]()
        self.train(replace(described().trial, name="study-0"))

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)
        self.asked.set()
        assert self.go.wait(60)


def test_of_two_clients_that_delete_a_search_one_does_and_the_other_waits(tmp_path: Path) -> None:
    backend = SlowBackend()
    one, other = (
        ClientEngine(cast("Backend", backend), LocalProcessBackendConfig(state_dir=tmp_path)) for _ in range(2)
    )
    store, _ = recorded(tmp_path, described())
    row = row_of(store)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one._delete, row)
        assert backend.asked.wait(60)
        second = pool.submit(other._delete, row)
        with pytest.raises(TimeoutError):
            second.result(0.5)
        backend.go.set()
        first.result(60)
        second.result(60)

    # So that the other one cannot take a job of the next search of this name for one of the search.
    assert backend.deleted == ["study-0"]
    assert store.find("study") is None


def test_a_search_that_cannot_be_read_is_listed_as_it_is_and_can_be_deleted(client: OptimizerClient) -> None:
    engine = cast("ClientEngine", client._engines.get("client"))
    study = engine._store.add("foreign", "localprocess", 5, b"cnowhere\nOption\n.", b"")
    engine._store.ask(study, 0, {"x": "1"}, {}, None)

    (job,) = client.list_jobs()

    assert (job.name, job.status, job.trial_config.num_trials) == ("foreign", "Created", 5)
    assert job.trials[0].parameters == {"x": "1"}
    assert "cannot be read here: ModuleNotFoundError: No module named 'nowhere'" in job.notes[0]
    client.delete_job("foreign")
    assert client.list_jobs() == []


def test_a_search_goes_on_with_the_corrected_function_and_leaves_jobs_of_others_alone(
    client: OptimizerClient, local_config: LocalProcessBackendConfig
) -> None:
    space = {"x": Search.int(0, 2)}
    name = client.optimize(
        CustomTrainer(trial_functions.misnamed),
        search_space=space,
        name="again",
        algorithm=GridSearch(),
        trial_config=TrialConfig(3, max_failed_trials=1),
    )
    with pytest.raises(OptimizationFailed, match="Did you mean 'los'"):
        client.wait_for_job_status(name, timeout=WAIT)
    trainer_client = TrainerClient(local_config)
    trainer_client.train(train_func=trial_functions.named, func_args={"x": 7}, name="again-1")

    client.optimize(
        CustomTrainer(trial_functions.named),
        search_space=space,
        name=name,
        resume=True,
        algorithm=GridSearch(),
        trial_config=TrialConfig(3, 2, max_failed_trials=1),
    )
    job = client.wait_for_job_status(name, timeout=WAIT)

    assert [trial.status for trial in job.trials] == ["Failed", "Failed", "Complete"]
    assert "is not of this search" in job.trials[1].reason
    assert (job.best_trial, job.trial_config.parallel_trials) == (job.trials[2], 2)
    client.delete_job(name)
    assert [each.name for each in trainer_client.list_jobs()] == ["again-1"]
    trainer_client.delete_job("again-1")
