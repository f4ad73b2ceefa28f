"""What is particular to jobs that are processes of this machine."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.devices import visible_gpus
from kubeflow.local.environments import missing
from kubeflow.local.processes import members
from kubeflow.packaging import bundle
from kubeflow.trainer import (
    JobFailed,
    JobSpec,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeNotFound,
    RuntimeTrainer,
    TrainerClient,
    TrainerType,
)
from kubeflow.trainer.backends.localprocess import checks, launch
from kubeflow.trainer.backends.localprocess.launch import Layout

WAIT = 60  # seconds
KIND = RuntimeKind.CLUSTER_TRAINING_RUNTIME


def job_directory(config: LocalProcessBackendConfig, name: str) -> Path:
    (directory,) = (Path(str(config.state_dir)) / "jobs").glob(f"{name}-*")
    return directory


def spawn_and_sleep(pids: str) -> None:
    import os
    import signal
    import subprocess
    import sys
    import time
    from pathlib import Path

    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(pids, os.environ["RANK"]).write_text(f"{os.getpid()} {child.pid}")
    print("up")
    time.sleep(3600)


def start_spawners(client: TrainerClient, pids: Path) -> tuple[str, list[int]]:
    name = client.train(train_func=spawn_and_sleep, func_args={"pids": str(pids)}, num_nodes=2)
    for node in ("node-0", "node-1"):
        assert next(client.get_job_logs(name, step=node, follow=True)) == "up"
    return name, [int(pid) for rank in pids.iterdir() for pid in rank.read_text().split()]


def test_deleting_a_job_ends_all_its_processes_however_stubborn(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    (tmp_path / "pids").mkdir()
    name, pids = start_spawners(client, tmp_path / "pids")
    directory = job_directory(local_config, name)
    assert len(pids) == 4
    assert set(pids) < {process.pid for process in members(str(directory))}

    client.delete_job(name)

    assert members(str(directory)) == []
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert not directory.exists()


def test_killing_one_node_fails_the_job_and_ends_the_others(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    (tmp_path / "pids").mkdir()
    name, _ = start_spawners(client, tmp_path / "pids")
    mark = str(job_directory(local_config, name))
    launcher = next(
        process
        for process in members(mark)
        if process.ppid() == os.getpid() and process.environ()["PET_NODE_RANK"] == "1"
    )

    launcher.send_signal(signal.SIGKILL)

    with pytest.raises(JobFailed, match="node-1 was killed by SIGKILL") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert (failure.value.rank, failure.value.node) == (1, 1)
    assert failure.value.log == ("up",)
    assert members(mark) == []


def show_environment() -> None:
    import os
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
    assert "cpu=2" in reasons["LimitsNotEnforced"]
    assert "example/image:1" in reasons["ImageNotUsed"]
    assert len(list((tmp_path / "by-environment" / "jobs").iterdir())) == 1
    assert list((tmp_path / "tmp").iterdir()) == []  # what starting a job unpacks goes with the job
    client.delete_job(name)


def test_gpus_are_shared_out_and_decide_the_processes() -> None:
    runtime = Runtime("torch-distributed", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "local"), KIND)
    spec = JobSpec("job", runtime, num_nodes=2, resources={"nvidia.com/gpu": "2"})

    layout = checks.lay_out(spec, ["a", "b", "c", "d"])

    assert layout == Layout(num_nodes=2, num_proc_per_node=2, gpus=(("a", "b"), ("c", "d")))
    assert [layout.node_of(rank) for rank in range(4)] == [0, 0, 1, 1]
    plans = launch.torchrun(
        bundle(sleep), layout, launch.Places(Path("/job")), python="python", install=False, port=1, environ={}, env={}
    )
    assert [plan.env["CUDA_VISIBLE_DEVICES"] for plan in plans] == ["a,b", "c,d"]
    assert checks.lay_out(replace(spec, num_proc_per_node=1), ["a", "b", "c", "d"]).num_proc_per_node == 1
    assert checks.lay_out(replace(spec, resources={}), []) == Layout(num_nodes=2, num_proc_per_node=1)
    with pytest.raises(InvalidInput, match=r"2 GPU\(s\) on each of 2 node\(s\), and this machine has 3"):
        checks.lay_out(spec, ["a", "b", "c"])


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

    started = time.monotonic()
    with pytest.raises(JobFailed, match="active for longer than 1 s"):
        client.wait_for_job_status(name, timeout=WAIT)
    assert time.monotonic() - started < 10


def test_the_runtime_tells_of_this_machine(client: TrainerClient, capsys: pytest.CaptureFixture[str]) -> None:
    (runtime,) = client.list_runtimes()

    assert runtime == client.get_runtime("torch-distributed")
    assert (runtime.trainer.framework, runtime.kind) == ("torch", RuntimeKind.CLUSTER_TRAINING_RUNTIME)
    packages = client.get_runtime_packages(runtime)
    assert sys.executable in packages
    assert "torch==" in packages
    assert capsys.readouterr().out == f"{packages}\n"
    with pytest.raises(RuntimeNotFound, match="Available: torch-distributed"):
        client.get_runtime("torch")


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


def index_with_wheel(directory: Path, name: str, text: str, requires: str) -> str:
    """Write a package index of one wheel, of one module that holds `TEXT`; return its URL. It has nothing else."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"TEXT = {text!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        for path, content in files.items()
    }
    record = "".join(f"{path},sha256={digest},{len(files[path])}\n" for path, digest in digests.items())
    project = directory / name.replace("_", "-")
    project.mkdir()
    path = project / f"{name}-1.0-py3-none-any.whl"
    (project / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(file, content)
    return directory.as_uri()


def use_tiny() -> None:
    import kubeflow_test_tiny  # type: ignore[import-not-found]

    print(kubeflow_test_tiny.TEXT)


def test_a_package_that_is_missing_is_installed_for_the_job_alone_and_what_it_needs_is_taken_from_here(
    client: TrainerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # uv, where it is found, would look for torch in the index: it does not see what lies below an environment.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    index = index_with_wheel(tmp_path, "kubeflow_test_tiny", "from a wheel", requires="torch")
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


def test_a_package_that_cannot_be_had_fails_the_job_in_pips_words(client: TrainerClient, tmp_path: Path) -> None:
    name = client.train(
        train_func=use_tiny, packages_to_install=["kubeflow-test-none"], pip_index_urls=[tmp_path.as_uri()]
    )

    with pytest.raises(JobFailed, match="kubeflow-test-none") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert failure.value.node == 0


def test_an_interpreter_without_pip_gets_one_for_the_job_alone(tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "bare")
    bare = tmp_path / "bare/bin/python"
    make = "import sys; from pathlib import Path; from kubeflow.local.environments import overlay"
    command: list[str | Path] = [bare, "-c", f"{make}; overlay(Path(sys.argv[1]))", tmp_path / "over"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=True)

    assert subprocess.run([bare, "-c", "import pip"], capture_output=True, check=False).returncode == 1
    subprocess.run([tmp_path / "over/bin/python", "-m", "pip", "--version"], check=True, capture_output=True)
