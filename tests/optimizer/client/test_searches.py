"""Searches on this machine, from optimize() to the best trial, with real jobs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    NSGAII,
    PBT,
    GridSearch,
    MedianStop,
    Objective,
    OptimizationExists,
    OptimizationFailed,
    OptimizationJob,
    OptimizationNotFound,
    OptimizationWaitTimeout,
    OptimizerClient,
    OptimizerConfig,
    RandomSearch,
    Search,
    TrainJobTemplate,
    TrialConfig,
)
from kubeflow.optimizer.engines.client.study_store import StudyStore
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient
from tests.cluster.until import until
from tests.optimizer.client import trial_functions
from tests.optimizer.client.trial_functions import Layer

WAIT = 120


def test_a_search_runs_typed_trials_and_finds_the_best(
    client: OptimizerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    trainer = CustomTrainer.call(
        trial_functions.bowl,
        lr=Search.loguniform(1e-3, 1.0),
        batch=Search.int(8, 64, step=8),
        flag=Search.choice([True, False]),
        layer=Search.choice([None, Layer(3), Layer(5)]),
    )
    called: list[OptimizationJob] = []

    name = client.optimize(
        trainer,
        name="bowl",
        trial_config=TrialConfig(num_trials=5, parallel_trials=2),
        algorithm=RandomSearch(random_state=7),
        enqueue=[{"lr": 0.1, "flag": True, "layer": Layer(5)}],
    )
    job = client.wait_for_job_status(name, timeout=WAIT, callbacks=[called.append])

    report = client.report(name, tmp_path).read_text("utf-8")
    assert "Complete" in report
    assert all(trial.name in report for trial in job.trials)
    with pytest.raises(OptimizationNotFound, match="bowl"):
        client.report("bow")
    assert (name, job.status, job.engine, len(job.trials)) == ("bowl", "Complete", "client", 5)
    assert [trial.status for trial in job.trials] == ["Complete"] * 5
    assert {type(trial.parameters["batch"]) for trial in job.trials} == {int}
    assert called[-1] == job
    best = job.best_trial
    assert best is not None
    assert (best.number, best.parameters["lr"], best.parameters["layer"]) == (0, 0.1, Layer(5))
    assert best.trainjob is not None
    assert best.trainjob.status == "Complete"
    result = client.get_best_results(name)
    assert result is not None
    assert [(m.name, m.latest) for m in result.metrics] == [("loss", 0.0), ("width", 5.0)]
    assert list(client.get_job_logs(name)) == [f"batch {best.parameters['batch']}"]
    assert list(client.get_job_logs(name, "bowl-3")) == [f"batch {job.trials[3].parameters['batch']}"]
    with pytest.raises(InvalidInput, match=r"no trial 'bowl-9'.*bowl-0"):
        client.get_job_logs(name, "bowl-9")
    assert [event.reason for event in client.get_job_events(name)][:2] == ["Created", "Running"]
    assert "best so far: bowl-0 with loss=0" in client.explain(name)
    with pytest.raises(OptimizationExists, match="bowl"):
        client.optimize(trainer, name="bowl")
    # Another client finds it, and no trainer lists what drives it.
    other = OptimizerClient(local_config)
    assert [found.name for found in other.list_jobs()] == ["bowl"]
    assert sorted(each.name for each in TrainerClient(local_config).list_jobs()) == [f"bowl-{n}" for n in range(5)]
    # The same seed gives the same trials, and more of them go on where it was left.
    other.extend(name, 6)
    extended = other.wait_for_job_status(name, timeout=WAIT)
    assert [trial.parameters for trial in extended.trials[:5]] == [trial.parameters for trial in job.trials]
    assert len(extended.trials) == 6
    other.delete_job(name)
    with pytest.raises(OptimizationNotFound, match="bowl"):
        client.get_job(name)


def test_templates_functions_without_types_and_the_short_form(client: OptimizerClient) -> None:
    template = TrainJobTemplate(trainer=CustomTrainer(trial_functions.untyped, {"lr": "0.5", "n": "1"}))
    space = {"lr": Search.uniform(0.25, 0.5), "n": Search.choice([3])}

    name = client.optimize(
        template, search_space=space, optimizer_config=OptimizerConfig(mode="max", num_trials=2, parallel_trials=2)
    )
    job = client.wait_for_job_status(name, timeout=WAIT)

    for trial in job.trials:
        lr = trial.parameters["lr"]
        assert isinstance(lr, float)
        assert trial.metrics[0].latest == pytest.approx(lr * 2 + 3)
    best = job.best_trial
    assert best is not None
    assert best.metrics[0].latest == max(trial.metrics[0].latest or 0 for trial in job.trials)


def test_trials_that_fail_say_why_and_never_are_the_best(client: OptimizerClient) -> None:
    trainer = CustomTrainer.call(trial_functions.diverge, x=Search.int(0, 3))

    name = client.optimize(
        trainer, algorithm=GridSearch(), trial_config=TrialConfig(num_trials=4, parallel_trials=2, retain=False)
    )
    job = client.wait_for_job_status(name, timeout=WAIT)

    raised, *others = job.trials
    assert raised.status == "Failed"
    assert raised.reason.startswith("rank 0 (node-0) raised ValueError: too small at ")
    assert [(trial.status, trial.reason) for trial in others] == [
        ("Failed", "loss was nan"),
        ("Failed", "loss was inf"),
        ("Complete", ""),
    ]
    assert job.best_trial == job.trials[3]
    assert [trial.trainjob for trial in job.trials] == [None] * 4  # not retained
    assert "raised ValueError: too small" in client.explain(name)
    assert "get_job_logs" not in client.explain(name)
    with pytest.raises(InvalidInput, match=r"The job of trial '.*-3' is gone, and its logs with it.*retain=True"):
        client.get_job_logs(name)


def test_an_objective_that_never_appears_ends_the_search_with_the_names_that_were_seen(client: OptimizerClient) -> None:
    trainer = CustomTrainer.call(trial_functions.misnamed, x=Search.int(0, 9))

    name = client.optimize(trainer, trial_config=TrialConfig(num_trials=9))

    with pytest.raises(OptimizationFailed, match=r"it gave no 'loss'\. Did you mean 'los'\? It gave: los, accuracy"):
        client.wait_for_job_status(name, timeout=WAIT)
    assert len(client.get_job(name).trials) == 1


def test_a_bad_trial_is_stopped_and_keeps_its_logs(client: OptimizerClient, tmp_path: Path) -> None:
    trainer = CustomTrainer.call(trial_functions.curve, x=Search.int(0, 3), go=str(tmp_path / "go"))

    name = client.optimize(
        trainer,
        algorithm=GridSearch(),
        early_stopping=MedianStop(min_trials=2, start_step=2),
        trial_config=TrialConfig(num_trials=4, parallel_trials=1),
    )
    job = client.wait_for_job_status(name, timeout=WAIT)

    assert [trial.status for trial in job.trials] == ["Complete", "Complete", "Stopped", "Stopped"]
    assert "median" in job.trials[2].reason
    assert list(client.get_job_logs(name, job.trials[2].name)) == ["reports 2"]
    assert job.trials[2].trainjob is not None
    assert job.trials[2].trainjob.status == "Stopped"
    best = job.best_trial
    assert best is not None
    assert best.number == 0


def test_goal_failures_and_time_end_a_search(client: OptimizerClient, local_config: LocalProcessBackendConfig) -> None:
    def started(trainer: CustomTrainer, objective: Objective | None = None, **config: float) -> str:
        return client.optimize(
            trainer,
            algorithm=GridSearch(),
            objectives=[objective or Objective()],
            trial_config=TrialConfig(num_trials=4, **config),  # type: ignore[arg-type]
        )

    diverging: CustomTrainer = CustomTrainer.call(trial_functions.diverge, x=Search.int(0, 3))
    endless: CustomTrainer = CustomTrainer.call(trial_functions.sleep, x=Search.int(0, 3))
    goal = started(CustomTrainer.call(trial_functions.bowl, lr=0.1, batch=Search.int(1, 4)), Objective(goal=0.5))
    failing = started(diverging, max_failed_trials=1)
    late = started(endless, timeout=60, parallel_trials=2)
    slow = started(endless, trial_timeout=1, max_failed_trials=0)

    done = client.wait_for_job_status(goal, timeout=WAIT)
    assert (len(done.trials), done.reason) == (1, "trial 0 reached the goal: loss is 0")
    with pytest.raises(OptimizationFailed, match="2 trials have failed, and max_failed_trials is 1"):
        client.wait_for_job_status(failing, timeout=WAIT)
    with pytest.raises(OptimizationFailed, match=r"it was active for longer than 1 s"):
        client.wait_for_job_status(slow, timeout=WAIT)
    until(lambda: len(client.get_job(late).trials) == 2)
    client.suspend_job(late)
    spend(local_config, late, 59.5)
    client.resume_job(late)
    over = client.wait_for_job_status(late, timeout=WAIT)
    assert "its time was up" in over.reason
    assert [trial.status for trial in over.trials] == ["Stopped", "Stopped"]


def spend(config: LocalProcessBackendConfig, search: str, seconds: float) -> None:
    """Have a search that rests know that it has been active for so long."""
    assert config.state_dir is not None
    store = StudyStore(Path(config.state_dir))
    with store.database.writing() as db:
        db.execute("UPDATE studies SET active = ? WHERE name = ?", (seconds, search))
    store.database.close()


def test_a_search_rests_goes_on_and_is_stopped_for_good(
    client: OptimizerClient, local_config: LocalProcessBackendConfig
) -> None:
    trainer = CustomTrainer.call(trial_functions.sleep, x=Search.int(0, 9))
    name = client.optimize(trainer, trial_config=TrialConfig(num_trials=3, parallel_trials=2))
    lines = client.get_job_logs(name, follow=True)  # it waits for the first trial
    assert next(lines) == "sleeping"
    with pytest.raises(OptimizationWaitTimeout, match="is Running after 0.2 s"):
        client.wait_for_job_status(name, timeout=0.2)

    client.suspend_job(name)
    resting = client.get_job(name)
    assert resting.status == "Suspended"
    assert {trial.trainjob.status for trial in resting.trials if trial.trainjob} == {"Suspended"}
    client.resume_job(name)
    assert (
        client.wait_for_job_status(name, "Running", timeout=WAIT).trials[0].parameters == resting.trials[0].parameters
    )
    # Two clients at once: it ends, in whatever order they are heard.
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(OptimizerClient(local_config).suspend_job, name)
        client.stop_job(name)
    error = other.exception()
    assert error is None or "is Stopped, and one that has ended cannot be suspended" in str(error)

    stopped = client.get_job(name)
    assert (stopped.status, stopped.reason) == ("Stopped", "its user stopped it")
    assert {trial.status for trial in stopped.trials} == {"Stopped"}
    with pytest.raises(OptimizationFailed, match="its user stopped it"):
        client.wait_for_job_status(name, timeout=WAIT)
    with pytest.raises(InvalidInput, match="is Stopped, and one that has ended cannot be resumed"):
        client.resume_job(name)


PUBLISHED = """
def train_func(learning_rate: float, batch_size: int):
    import time
    import random

    for i in range(2):
        time.sleep(0.1)
        print(f"Training {i}, lr: {learning_rate}, batch_size: {batch_size}")

    print(f"loss={round(random.uniform(0.77, 0.99), 2)}")


template = TrainJobTemplate(
    trainer=CustomTrainer(
        func=train_func,
        func_args={"learning_rate": "0.01", "batch_size": "16"},
        num_nodes=1,
        resources_per_node={"gpu": 1},
    ),
    runtime=TrainerClient().get_runtime("torch-distributed"),
)
TrainerClient().train(**template)

optimizer = OptimizerClient()

job_name = optimizer.optimize(
    trial_template=template,
    search_space={
        "learning_rate": Search.loguniform(0.001, 0.1),
        "batch_size": Search.choice([16, 32, 64, 128]),
    },
    trial_config=TrialConfig(
        num_trials=4,
        parallel_trials=2,
        max_failed_trials=5,
    ),
)
optimizer.get_job(job_name)
optimizer.wait_for_job_status(job_name)
best_results = optimizer.get_best_results(job_name)
job = optimizer.get_job(job_name)
print(best_results.parameters, best_results.metrics[0].latest, len(job.trials))
for each in TrainerClient().list_jobs():
    TrainerClient().wait_for_job_status(each.name)
optimizer.delete_job(job_name)
print(optimizer.list_jobs())
"""


def test_what_was_written_for_the_published_package_runs_as_it_is(tmp_path: Path) -> None:
    """The published example, with fewer and shorter trials, on one node."""
    script = tmp_path / "published.py"
    script.write_text(
        "from kubeflow.trainer import TrainerClient, CustomTrainer\n"
        "from kubeflow.optimizer import OptimizerClient, TrainJobTemplate, Search, Objective, TrialConfig\n" + PUBLISHED
    )
    environ = {
        **os.environ,
        "KUBEFLOW_BACKEND": "localprocess",
        "KUBEFLOW_STATE_DIR": str(tmp_path / "state"),
        "CUDA_VISIBLE_DEVICES": "0,1,2",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }

    ended = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    first, searches = ended.stdout.splitlines()[-2:]
    assert re.fullmatch(r"\{'learning_rate': 0\.0\d+, 'batch_size': (16|32|64|128)\} 0\.\d+ 4", first)
    assert searches == "[]"


def test_several_objectives_have_a_front_and_earlier_searches_are_learnt_from(client: OptimizerClient) -> None:
    trainer = CustomTrainer.call(trial_functions.trade, x=Search.choice([0.0, 0.5, 1.0]))
    aims = [Objective("error"), Objective("seconds")]
    config = TrialConfig(num_trials=3, parallel_trials=2)

    first = client.optimize(trainer, objectives=aims, algorithm=GridSearch(), trial_config=config)
    job = client.wait_for_job_status(first, timeout=WAIT)
    second = client.optimize(
        trainer, objectives=aims, algorithm=NSGAII(random_state=1), trial_config=TrialConfig(2), warm_start=[job]
    )

    assert [trial.number for trial in job.pareto_front] == [0, 1, 2]
    assert len(client.wait_for_job_status(second, timeout=WAIT).trials) == 2


def test_a_population_goes_on_from_the_checkpoints_of_its_parents(client: OptimizerClient) -> None:
    trainer = CustomTrainer.call(trial_functions.population, rate=Search.uniform(0.1, 1.0))

    name = client.optimize(trainer, algorithm=PBT(population=2, random_state=3), trial_config=TrialConfig(4, 2))
    job = client.wait_for_job_status(name, timeout=WAIT)

    printed = [next(iter(client.get_job_logs(name, trial.name))) for trial in job.trials]
    assert [line.partition("generation=")[2] for line in printed] == ["0", "0", "1", "1"]
