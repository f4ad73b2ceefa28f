"""What is particular to jobs that are processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.devices import visible_gpus
from kubeflow.local.environments.cache import missing
from kubeflow.local.executors.processes import members
from kubeflow.local.job.places import Places
from kubeflow.packaging import bundle
from kubeflow.trainer import (
    CustomTrainer,
    JobFailed,
    JobSpec,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeTrainer,
    TrainerClient,
    TrainerType,
    Unsupported,
    options,
)
from kubeflow.trainer.backends.localprocess import job_checks
from kubeflow.trainer.backends.machine import launch
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.jobs.jobspec import Edit
from tests.local.conftest import has_ended, wait_for
from tests.local.wheels import add_wheel

WAIT = 180  # seconds; a job takes about four on a quiet machine
KIND = RuntimeKind.CLUSTER_TRAINING_RUNTIME


@pytest.fixture
def config(local_config: LocalProcessBackendConfig) -> LocalProcessBackendConfig:
    """Of all backends, this machine's."""
    return local_config


def job_directory(config: LocalProcessBackendConfig, name: str) -> Path:
    (directory,) = (Path(str(config.state_dir)) / "jobs").glob(f"{name}-*")
    return directory


def spawn_and_sleep(pids: str) -> None:
    import signal
    import sys
    import time
    from pathlib import Path

    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(pids, os.environ["RANK"]).write_text(f"{os.getpid()} {child.pid}")
    print("up")
    time.sleep(3600)


def start_spawners(client: TrainerClient, pids: Path) -> tuple[str, list[psutil.Process]]:
    name = client.train(train_func=spawn_and_sleep, func_args={"pids": str(pids)}, num_nodes=2)
    for node in ("node-0", "node-1"):
        assert next(client.get_job_logs(name, step=node, follow=True)) == "up"
    return name, [psutil.Process(int(pid)) for rank in pids.iterdir() for pid in rank.read_text().split()]


def test_deleting_a_job_ends_all_its_processes_however_stubborn(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    (tmp_path / "pids").mkdir()
    name, processes = start_spawners(client, tmp_path / "pids")
    directory = job_directory(local_config, name)
    assert len(processes) == 4
    wait_for(lambda: set(processes) < set(members(str(directory))))

    client.delete_job(name)

    assert members(str(directory)) == []
    assert all(map(has_ended, processes))
    assert not directory.exists()


def test_killing_one_node_fails_the_job_and_ends_the_others(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    (tmp_path / "pids").mkdir()
    name, _ = start_spawners(client, tmp_path / "pids")
    mark = str(job_directory(local_config, name))
    marked = {process.pid: process for process in members(mark)}
    launcher = next(
        process
        for process in marked.values()
        if process.ppid() not in marked and process.environ()["PET_NODE_RANK"] == "1"
    )

    launcher.send_signal(signal.SIGKILL)

    with pytest.raises(JobFailed, match="node-1 was killed by SIGKILL") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert (failure.value.rank, failure.value.node) == (1, 1)
    assert failure.value.log == ("up",)
    assert members(mark) == []


def show_environment() -> None:
    import sys
    from pathlib import Path

    names = (
        "TMPDIR",
        "KUBEFLOW_TMPDIR",
        "PET_RDZV_ID",
        "SLURM_JOB_ID",
        "OMP_NUM_THREADS",
        "WORLD_SIZE",
        "MASTER_ADDR",
        "PET_NODE_RANK",
    )
    print(*(f"{name}={os.environ.get(name)}" for name in names))
    print(sys.executable, Path.cwd(), sys.stdin.read() == "", file=sys.stderr)


def test_a_job_runs_in_this_interpreter_directory_and_environment(
    local_config: LocalProcessBackendConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")  # kept: the user's
    monkeypatch.setenv("PET_RDZV_ID", "outer")  # not kept: as if this process were a rank of another torchrun
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("MASTER_ADDR", "elsewhere")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "by-environment"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random.py").write_text("raise SystemExit('a file of the user shadows the library')")
    client = TrainerClient(LocalProcessBackendConfig())

    name = client.train(train_func=show_environment, resources_per_node={"cpu": 2}, image="example/image:1")
    client.wait_for_job_status(name, timeout=WAIT)

    assert list(client.get_job_logs(name)) == [
        f"TMPDIR={tmp_path}/tmp KUBEFLOW_TMPDIR=None PET_RDZV_ID=None SLURM_JOB_ID=7 OMP_NUM_THREADS=1 WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 PET_NODE_RANK=0",
        f"{sys.executable} {tmp_path} True",
    ]
    reasons = {event.reason: event.message for event in client.get_job_events(name)}
    assert "example/image:1" in reasons["ImageNotUsed"]
    assert len(list((tmp_path / "by-environment" / "jobs").iterdir())) == 1
    assert list((tmp_path / "tmp").iterdir()) == []  # what starting a job unpacks goes with the job
    client.delete_job(name)


def test_gpus_decide_the_processes_and_each_node_leases_its_own() -> None:
    runtime = Runtime("torch-distributed", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "local"), KIND)
    spec = JobSpec("job", runtime, num_nodes=2, resources={"nvidia.com/gpu": "2", "cpu": "1500m", "memory": "1Gi"})

    layout = job_checks.lay_out(spec, ["a", "b", "c", "d"])

    assert layout == Layout(num_nodes=2, num_proc_per_node=2, gpus=2, cpus=2, memory=2**30)
    plans = launch.torchrun(bundle(sleep), layout, Places(Path("/job")), python="python", environ={}, env={})
    assert [(plan.name, plan.ranks, plan.gpus, plan.cpus) for plan in plans] == [
        ("node-0", (0, 1), 2, 2),
        ("node-1", (2, 3), 2, 2),
    ]
    assert job_checks.lay_out(replace(spec, num_proc_per_node=1), ["a", "b", "c", "d"]).num_proc_per_node == 1
    assert job_checks.lay_out(replace(spec, resources={}), []) == Layout(num_nodes=2, num_proc_per_node=1)
    with pytest.raises(InvalidInput, match=r"2 GPU\(s\) on each of 2 node\(s\), and this machine has 3"):
        job_checks.lay_out(spec, ["a", "b", "c"])


def test_visible_devices_decide_which_gpus_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, gpus in (("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-a, GPU-b", ["GPU-a", "GPU-b"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert visible_gpus() == gpus


@dataclass(frozen=True)
class Deadline:
    def apply(self, spec: JobSpec) -> JobSpec:
        return replace(spec, active_deadline_seconds=1)


def sleep() -> None:
    import time

    time.sleep(3600)


def test_a_job_over_its_deadline_fails(client: TrainerClient) -> None:
    name = client.train(train_func=sleep, options=[Deadline()])

    with pytest.raises(JobFailed, match="active for longer than 1 s"):
        client.wait_for_job_status(name, timeout=WAIT)


def test_what_is_installed_satisfies_its_requirement() -> None:
    installed = ["psutil", "psutil>=5", "PyYAML>5,<99", "nothing; python_version < '3'"]
    absent = ["psutil<1", "kubeflow-test-none", "psutil @ https://example.com/psutil.whl", "psutil[test]"]

    assert missing(installed) == []
    assert missing([*absent, *installed]) == absent


def use_psutil() -> None:
    import psutil

    print("psutil is", psutil.__name__)


def test_a_package_that_is_installed_costs_nothing(client: TrainerClient) -> None:
    # An index that does not exist would fail any attempt to install.
    name = client.train(
        train_func=use_psutil, packages_to_install=["psutil>=5"], pip_index_urls=["http://127.0.0.1:9/simple"]
    )

    client.wait_for_job_status(name, timeout=WAIT)

    assert list(client.get_job_logs(name))[-1] == "psutil is psutil"


def use_tiny() -> None:
    import kubeflow_test_tiny  # type: ignore[import-not-found]

    print(kubeflow_test_tiny.TEXT)


def test_a_package_that_is_missing_is_installed_for_the_job_alone_and_what_it_needs_is_taken_from_here(
    client: TrainerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_wheel(tmp_path, "kubeflow_test_tiny", "from a wheel", requires="torch")
    index = tmp_path.as_uri()
    packages = Path(sysconfig.get_path("purelib"))
    before = sorted(packages.iterdir())

    name = client.train(
        train_func=use_tiny, packages_to_install=["kubeflow_test_tiny==1.0"], pip_index_urls=[index], num_nodes=2
    )
    client.wait_for_job_status(name, timeout=WAIT)

    for step in ("node-0", "node-1"):
        assert list(client.get_job_logs(name, step))[-1] == "from a wheel"
    assert sorted(packages.iterdir()) == before
    with pytest.raises(ImportError):
        import kubeflow_test_tiny  # noqa: F401


def test_a_package_that_cannot_be_had_fails_the_job_in_the_installers_words(
    client: TrainerClient, tmp_path: Path
) -> None:
    name = client.train(
        train_func=use_tiny, packages_to_install=["kubeflow-test-none"], pip_index_urls=[tmp_path.as_uri()]
    )

    with pytest.raises(JobFailed, match="No matching distribution found for kubeflow-test-none") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert failure.value.node is None


@dataclass(frozen=True)
class Change:
    """An option that changes fields of the specification."""

    fields: dict[str, object]

    def apply(self, spec: JobSpec) -> JobSpec:
        return replace(spec, **self.fields)  # type: ignore[arg-type]


SUBMIT = """
import sys
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
def train():
    import time
    print("up", flush=True)
    time.sleep(1)
    return 42
client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
print(client.train(train_func=train), flush=True)
sys.stdin.read()
"""


def test_a_job_goes_on_when_its_client_is_killed_and_another_gets_the_result(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    (tmp_path / "submit.py").write_text(SUBMIT)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "submit.py"), str(local_config.state_dir)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        other.kill()

    assert [job.name for job in client.list_jobs()] == [name]
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == 42
    assert list(client.get_job_logs(name, follow=True)) == ["up"]


def count_starts(log: str, go: str) -> str:
    import time
    from pathlib import Path

    with Path(log).open("a") as file:
        print("started", file=file)
    print("started")
    while not Path(go).exists():
        time.sleep(0.02)
    return Path(log).read_text()


def test_a_job_is_suspended_and_resumed(client: TrainerClient, tmp_path: Path) -> None:
    files = {"log": str(tmp_path / "log"), "go": str(tmp_path / "go")}
    name = client.train(train_func=count_starts, func_args=files)
    lines = client.get_job_logs(name, follow=True)
    assert next(lines) == "started"

    client.suspend_job(name)
    client.suspend_job(name)

    job = client.wait_for_job_status(name, {"Suspended"}, timeout=1)
    assert [step.status for step in job.steps] == ["Pending"]
    assert f"client.resume_job('{name}')" in client.explain(name)
    client.resume_job(name)
    assert next(lines) == "started"  # who follows sees the new start
    assert client.wait_for_job_status(name, {"Running"}, timeout=WAIT).status == "Running"
    (tmp_path / "go").touch()
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == "started\nstarted\n"
    assert list(lines) == []
    for change in (client.suspend_job, client.resume_job):
        with pytest.raises(InvalidInput, match="is Complete, and a job that has ended cannot be"):
            change(name)


READ_ON = """
import sys
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
lines = client.get_job_logs(sys.argv[2], follow=True, after=sys.argv[3])
for line in lines:
    print(line, lines.position)
"""


def test_another_process_reads_on_after_a_job_was_suspended_and_resumed(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    files = {"log": str(tmp_path / "log"), "go": str(tmp_path / "go")}
    name = client.train(train_func=count_starts, func_args=files)
    lines = client.get_job_logs(name, follow=True)
    before = lines.position
    assert next(lines) == "started"
    client.suspend_job(name)
    client.resume_job(name)
    (tmp_path / "go").touch()
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"

    command = [sys.executable, "-c", READ_ON, str(local_config.state_dir), name, lines.position]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    line, position = other.stdout.split()
    assert line == "started"
    assert list(client.get_job_logs(name, follow=True, after=position)) == []
    assert list(client.get_job_logs(name, after=before)) == ["started", "started"]


def test_a_place_in_the_log_of_another_job_or_of_none_is_refused(client: TrainerClient) -> None:
    def position() -> str:
        client.train(train_func=use_psutil, name="a")
        client.wait_for_job_status("a", timeout=WAIT)
        lines = client.get_job_logs("a", step=None)
        assert list(lines)
        client.delete_job("a")
        return lines.position

    earlier, own = position(), client.train(train_func=use_psutil, name="a")
    with pytest.raises(InvalidInput, match=r"is of another job.*leave after= out"):
        client.get_job_logs(own, after=earlier)
    valid = client.get_job_logs(own).position
    flipped = valid[:-3] + ("A" if valid[-3] != "A" else "B") + valid[-2:]
    for garbage in ("", "node-0", "\u00e9", earlier[:-4], valid[:-4], flipped, f"{valid}AAAA", 7, b"x" * 1000):
        with pytest.raises(InvalidInput, match=r"after=.*is no place in the log of TrainJob 'a'") as refusal:
            client.get_job_logs(own, after=garbage)  # type: ignore[arg-type]
        assert len(str(refusal.value)) < 400


def test_a_job_that_is_made_suspended_starts_when_it_is_resumed(client: TrainerClient) -> None:
    name = client.train(train_func=use_psutil, options=[Change({"suspend": True})])
    assert client.wait_for_job_status(name, {"Suspended"}, timeout=1).status == "Suspended"

    client.resume_job(name)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"


def fail_once(failed: str) -> None:
    import os
    from pathlib import Path

    import torch
    import torch.distributed as dist

    # Not by TORCHELASTIC_RESTART_COUNT: a node that starts anew because another one failed does not count that.
    attempt = int(Path(failed).exists())
    dist.init_process_group("gloo")
    total = torch.ones(1)
    dist.all_reduce(total)
    print(f"node {os.environ['GROUP_RANK']}: attempt {attempt} sums {total.item():g}")
    if attempt == 0 and dist.get_rank() == 1:
        Path(failed).touch()
        raise ValueError("the first time")
    dist.barrier()
    dist.destroy_process_group()


def test_ranks_that_fail_are_started_anew_as_often_as_allowed(client: TrainerClient, tmp_path: Path) -> None:
    trainer = CustomTrainer(fail_once, {"failed": str(tmp_path / "failed")}, num_nodes=2)
    name = client.train(trainer=trainer, options=[Change({"max_restarts": 1})])

    assert client.wait_for_job_status(name, timeout=3 * WAIT).status == "Complete"

    for node in (0, 1):
        lines = list(client.get_job_logs(name, f"node-{node}"))
        assert f"node {node}: attempt 0 sums 2" in lines
        assert f"node {node}: attempt 1 sums 2" in lines
    assert "Findings:" not in client.explain(name)
    assert "the first time" not in client.explain(name)


def report_progress() -> None:
    import json
    import os
    from pathlib import Path

    path = Path(os.environ["KUBEFLOW_STATUS_FILE"])
    for percent in (10, 100):
        report = {"progressPercentage": percent, "estimatedRemainingSeconds": 100 - percent}
        path.with_suffix(".part").write_text(json.dumps({**report, "metrics": [{"name": "loss", "value": "0.25"}]}))
        path.with_suffix(".part").replace(path)


def test_progress_and_metrics_show_in_the_job(client: TrainerClient) -> None:
    name = client.train(train_func=report_progress)

    job = client.wait_for_job_status(name, timeout=WAIT)

    assert (job.progress, job.estimated_remaining_seconds, job.metrics) == (100, 0, {"loss": 0.25})
    assert "100 % done, loss=0.25" in client.explain(name)


def need_a_module() -> None:
    print("about to import")
    import kubeflow_test_absent  # type: ignore[import-not-found]  # noqa: F401


def test_an_explanation_has_status_timeline_exit_codes_traceback_and_remedy(client: TrainerClient) -> None:
    name = client.train(train_func=need_a_module)
    client.wait_for_job_status(name, {"Failed"}, timeout=WAIT)

    text = client.explain(name)

    for expected in (
        f"TrainJob '{name}' is Failed: rank 0 (node-0) raised ModuleNotFoundError: No module named 'kubeflow_test_abse",
        "node-0: Failed",
        "rank 0 (node-0) exited with code 1",
        "Started: process",
        "import kubeflow_test_absent",
        "packages_to_install",
    ):
        assert expected in text


def die() -> None:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def test_a_rank_that_was_killed_is_explained_by_what_mostly_kills(client: TrainerClient) -> None:
    name = client.train(train_func=die)
    client.wait_for_job_status(name, {"Failed"}, timeout=WAIT)

    assert "rank 0 (node-0) was killed by SIGKILL" in client.explain(name)
    assert "when memory runs out" in client.explain(name)


def test_jobs_are_chosen_by_their_labels_and_none_is_scaled(client: TrainerClient) -> None:
    first = client.train(train_func=sleep, options=[Change({"labels": {"team": "vision"}, "suspend": True})])
    second = client.train(train_func=sleep, options=[Change({"labels": {"team": "speech"}, "suspend": True})])

    assert [job.name for job in client.list_jobs(label_selector="team=vision")] == [first]
    assert [job.name for job in client.list_jobs(label_selector="team")] == [first, second]
    with pytest.raises(InvalidInput, match="no label selector"):
        client.list_jobs(label_selector="team=a b")
    with pytest.raises(Unsupported, match="train again with num_nodes=3"):
        client.scale_job(first, 3)


def test_what_only_a_cluster_can_do_is_named_and_left_undone(
    client: TrainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    edits = (Edit("Toleration", lambda job: None), Edit("PodLabel", lambda job: None))

    name = client.train(train_func=sleep, options=[Change({"edits": edits}), options.Suspend()])

    reasons = {event.reason: event.message for event in client.get_job_events(name)}
    assert reasons["OptionsNotUsed"].startswith("options Change have no effect on this machine")
    assert "options Change have no effect" in caplog.text


def test_gpus_are_waited_for(client: TrainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    holder = client.train(train_func=sleep, resources_per_node={"gpu": 1})
    client.wait_for_job_status(holder, {"Running"}, timeout=WAIT)

    name = client.train(train_func=sleep, resources_per_node={"gpu": 1})

    deadline = time.monotonic() + WAIT
    while "WaitingForGPUs" not in [event.reason for event in client.get_job_events(name)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert client.get_job(name).status == "Created"
    assert f"waiting for 1 GPU(s): 0 of 1 free, the others are used by {holder}" in client.explain(name)
    assert "delete it, or ask for fewer GPUs" in client.explain(name)
    assert client.get_job(holder).steps[0].device == "gpu"
