"""What the doctor says of this machine, and of clusters: a real API server with all rights and with none, none, a deaf one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.cli import main
from kubeflow.cli.failures import ExitCode
from kubeflow.core.errors import InvalidInput
from kubeflow.doctor import SECTIONS, Examination, HealthFinding, HealthState, examine
from kubeflow.doctor.health import ok
from kubeflow.doctor.python_checks import OPENS, lacking
from kubeflow.doctor.side_by_side import HealthCheck, SideBySide
from tests.cluster.stage import MISSING, REASON, install
from tests.container_engines import engine
from tests.trainer.kubernetes.restricted import HOME, WORKLOADS, Restricted, restricted

ROOT = Path(__file__).parents[2]
OK, LACKING, BROKEN = HealthState
PATIENT = 60.0  # seconds: this machine may be busy, and nothing here waits for the end of them


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the user of this machine has set up."""
    for name in list(os.environ):
        if name.startswith(("KUBE", "DOCKER_", "CONTAINER_", "CUDA_")) and not name.startswith("KUBEFLOW_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "state"))


def finding(examination: Examination, section: str, name: str) -> HealthFinding:
    found = [each for each in examination.section(section).findings if each.name == name]
    assert len(found) == 1, examination.text()
    return found[0]


# -- this machine -----------------------------------------------------------------------------------------------------


def test_a_machine_without_anything_set_up_misses_things_and_has_none_broken() -> None:
    examination = examine(timeout=PATIENT)

    assert [section.name for section in examination.sections] == [*SECTIONS[:-2]]  # no cluster: nothing to say of it
    assert examination.broken == []
    assert finding(examination, "python", "kubeflow").state is OK
    assert finding(examination, "machine", "state directory").why.endswith("state, made by the first job")
    cluster = finding(examination, "cluster", "kubeconfig")
    assert cluster.state is LACKING
    assert "KUBECONFIG" in cluster.remedy
    for section in examination.sections:
        for each in section.findings:
            assert "\n" not in each.why + each.remedy
            assert bool(each.remedy) == (each.state is not OK), each
    document = examination.to_dict()
    assert document["state"] == "missing"
    assert repr(examination).startswith("<Examination of 6 sections: ")


def test_what_was_asked_for_and_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding(examine(["cluster"]), "cluster", "kubeconfig").state is BROKEN
    assert finding(examine(["rights"]), "rights", "rights").remedy == "See the section cluster."
    monkeypatch.setenv("KUBEFLOW_BACKEND", "Kubernetes")
    assert finding(examine(), "cluster", "kubeconfig").state is BROKEN
    assert finding(examine(backend="localprocess"), "cluster", "kubeconfig").state is LACKING
    monkeypatch.setenv("KUBEFLOW_BACKEND", "kubernets")
    assert "Did you mean 'kubernetes'?" in finding(examine(["python"]), "python", "default backend").remedy


def test_an_engine_that_is_named_has_to_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    named = finding(examine(["containers"], timeout=PATIENT), "containers", "DOCKER_HOST")

    assert named.state is BROKEN
    assert str(tmp_path) in named.why


def test_an_engine_that_answers_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    podman = engine("podman")
    monkeypatch.setenv("DOCKER_HOST", podman.host)

    (found,) = examine(["containers"], timeout=PATIENT).section("containers").findings

    assert (found.name, found.state) == ("podman", OK)
    assert podman.host in found.why


def test_a_registry_that_does_not_answer_is_broken_and_no_login_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY", f"http://127.0.0.1:{port}")
    assert finding(examine(["registry"]), "registry", "model registry").state is BROKEN

    monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY", f"http://ada:open-sesame@127.0.0.1:{port}")
    refused = examine(["registry"])
    assert finding(refused, "registry", "model registry").state is BROKEN
    assert "open-sesame" not in refused.text() + str(refused.to_dict())


def test_a_state_directory_that_cannot_be_made_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "file" / "state"))

    found = finding(examine(["machine"], timeout=PATIENT), "machine", "state directory")

    assert found.state is BROKEN
    assert found.remedy == "Set KUBEFLOW_STATE_DIR to a directory that you may write to."


def test_gpus_that_torch_does_not_see_are_broken_and_hidden_ones_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "hides all GPUs" in finding(examine(["machine"], timeout=PATIENT), "machine", "accelerators").why

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8,9")  # this machine has not so many
    assert finding(examine(["machine"], timeout=PATIENT), "machine", "torch").state is BROKEN


def test_each_extra_of_users_is_explained_and_what_it_lacks_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    assert extras - set(OPENS) == {"codegen", "dev", "docker", "podman", "site"}
    assert set(OPENS) <= extras
    assert lacking("container") == []  # tests have it
    assert any(each.startswith("kfp") for each in lacking("pipelines"))


def test_a_check_that_hangs_or_fails_is_a_finding_and_keeps_no_other_waiting() -> None:
    hanging, end = threading.Event(), threading.Event()

    def hangs() -> Iterator[HealthFinding]:
        yield ok("before", "it began")
        hanging.set()
        end.wait()

    def fails() -> Iterator[HealthFinding]:
        raise ZeroDivisionError("by zero")

    def works() -> Iterator[HealthFinding]:
        yield ok("works", "well")

    checks = [HealthCheck("a", "hangs", hangs), HealthCheck("b", "fails", fails), HealthCheck("b", "works", works)]
    side_by_side = SideBySide(checks, 0.3)
    assert hanging.wait(PATIENT)
    for thread in threading.enumerate():
        if thread.name in ("kubeflow doctor: fails", "kubeflow doctor: works"):
            thread.join(PATIENT)
    began = time.monotonic()
    found = side_by_side.findings()
    end.set()

    assert time.monotonic() - began < 5
    assert [(each.name, each.state) for each in found["a"]] == [("before", OK), ("hangs", BROKEN)]
    assert [(each.name, each.state) for each in found["b"]] == [("fails", BROKEN), ("works", OK)]
    assert "ZeroDivisionError: by zero" in found["b"][0].why


def test_text_fits_a_narrow_terminal_and_does_not_break_commands() -> None:
    text = examine(["spark"]).text(width=40)
    assert "\n  missing  " in text or "\n  broken   " in text or "\n  ok       " in text
    assert all(len(line) <= 40 or " " not in line.strip() for line in text.splitlines() if "->" not in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sections": ["clusters"]}, "'clusters' is no section of an examination. Did you mean 'cluster'?"),
        ({"sections": "rights"}, r"write \['rights'\]"),
        ({"timeout": 0}, "no positive number of seconds"),
        ({"backend": "docker"}, "backend='docker' names no backend"),
        ({"namespace": "Team A"}, "cannot be the name of a namespace"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        examine(**arguments)  # type: ignore[arg-type]


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_shows_it_and_ends_with_1_where_something_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", "python", "machine", "--timeout", "60"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert out.startswith("python\n  ok       Python: 3.")
    assert "\x1b" not in out
    assert out.rstrip().endswith(", 0 broken.")

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["doctor", "cluster"]) == ExitCode.BROKEN
    out = capsys.readouterr().out
    assert "\n  \x1b[31mbroken\x1b[0m   kubeconfig: There is no kubeconfig" in out
    assert "--kubeconfig" in out

    assert main(["doctor", "--backend", "kubernetes", "-o", "name"]) == ExitCode.BROKEN
    assert capsys.readouterr().out == "kubeconfig\n"

    assert main(["doctor", "pyhton"]) == ExitCode.WRONG_INPUT
    assert "Did you mean 'python'?" in capsys.readouterr().err


def test_the_command_ends_while_a_credentials_plugin_still_hangs(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 300\n")
    plugin.chmod(0o755)
    config = kubeconfig(tmp_path, "https://127.0.0.1:1", "open-sesame")
    user = f"exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{plugin}', interactiveMode: Never}}"
    config.write_text(config.read_text("utf-8").replace("token: 'open-sesame'", user), "utf-8")
    command = [sys.executable, "-m", "kubeflow", "doctor", "cluster", "--kubeconfig", str(config), "-o", "json"]

    for seconds in (1, 10, 100):  # a slow machine has not loaded what starts the plugin when the first time is over
        done = subprocess.run(
            [*command, "--timeout", f"{seconds}s"], capture_output=True, text=True, check=False, timeout=200
        )
        if (tmp_path / "pids").exists():
            break

    for pid in (tmp_path / "pids").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    assert done.returncode == ExitCode.BROKEN, done.stderr
    (section,) = json.loads(done.stdout)["sections"]
    (hanging,) = section["findings"]
    assert (hanging["name"], hanging["state"]) == ("kubeconfig", "broken")
    assert hanging["why"] == f"no answer within {seconds} seconds"
    assert "may be waiting for a login" in hanging["remedy"]


# -- clusters ---------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_takes_its_time_and_no_more(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections, and never says a word
        config = kubeconfig(tmp_path, f"https://127.0.0.1:{deaf.getsockname()[1]}", "open-sesame")
        began = time.monotonic()
        examination = examine(["cluster", "control-planes", "python"], config_file=config, timeout=5)
        assert time.monotonic() - began < 3 * 5 + 5

    assert finding(examination, "cluster", "kubeconfig").state is OK
    assert finding(examination, "cluster", "API server").state is BROKEN
    assert finding(examination, "control-planes", "control-planes").state is BROKEN
    assert finding(examination, "python", "Python").state is OK
    assert "open-sesame" not in examination.text() + repr(examination.sections)


def kubeconfig(folder: Path, server: str, token: str) -> Path:
    path = folder / "kubeconfig-of-tests"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: here,\n"
        f" clusters: [{{name: here, cluster: {{server: '{server}', insecure-skip-tls-verify: true}}}}],\n"
        " contexts: [{name: here, context: {cluster: here, user: me, namespace: research}}],\n"
        f" users: [{{name: me, user: {{token: '{token}'}}}}]}}\n",
        "utf-8",
    )
    return path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Restricted, Path]]:
    if MISSING:
        pytest.skip(REASON)
    folder = tmp_path_factory.mktemp("doctor")
    with restricted(folder) as there:
        install(there.wire, [WORKLOADS])
        for number, gpus in enumerate(("4", "8", "2")):
            ready = {"type": "Ready", "status": "False" if gpus == "2" else "True"}
            status = {"allocatable": {"cpu": "8", "nvidia.com/gpu": gpus}, "conditions": [ready]}
            node = there.wire.send("POST", "/api/v1/nodes", {"metadata": {"name": f"node-{number}"}})
            there.wire.send("PUT", f"/api/v1/nodes/node-{number}/status", {**node, "status": status})
        yield there, folder / "server" / "kubeconfig"


def test_with_all_rights_everything_of_a_cluster_is_told(cluster: tuple[Restricted, Path]) -> None:
    examination = examine(["rights", "control-planes"], config_file=cluster[1], namespace=HOME, timeout=PATIENT)

    assert [section.name for section in examination.sections] == ["cluster", "control-planes", "rights"]
    assert examination.broken == [] or [each.name for each in examination.broken] == ["JobSet"], examination.text()
    assert finding(examination, "cluster", "API server").why.startswith("Kubernetes 1.")
    assert "system:masters" in finding(examination, "cluster", "user").why
    assert finding(examination, "cluster", f"namespace {HOME!r}").why == "it exists"
    assert finding(examination, "cluster", "nodes").why == "3, 2 of them ready for pods"
    assert finding(examination, "cluster", "accelerators of the cluster").why == "12 nvidia.com/gpu"
    trainer = finding(examination, "control-planes", "Kubeflow Trainer")
    assert trainer.why == "trainer.kubeflow.org/v1alpha1, version 2.3.0"
    assert "torch-distributed" in finding(examination, "control-planes", "runtimes").why
    assert finding(examination, "control-planes", "Kueue").state is OK
    assert finding(examination, "control-planes", "Katib").state is LACKING
    rights = examination.section("rights")
    assert [each.name for each in rights.findings] == ["train", "optimize", "delete_job, suspend_job"]
    assert rights.state is OK


def test_without_rights_each_call_names_what_it_lacks(cluster: tuple[Restricted, Path]) -> None:
    config = cluster[0].config("nobody").config_file
    examination = examine(["rights", "control-planes"], config_file=config, timeout=PATIENT)

    assert [each.name for each in examination.broken] in ([], ["JobSet"]), examination.text()
    assert finding(examination, "cluster", "user").why == "nobody in the groups team"
    assert finding(examination, "cluster", "nodes").state is LACKING
    assert finding(examination, "control-planes", "runtimes").state is LACKING
    train = finding(examination, "rights", "train")
    assert train.state is LACKING
    assert train.why.startswith("these credentials may not create trainjobs.trainer.kubeflow.org, get ")
    assert f"`kubectl auth can-i create trainjobs.trainer.kubeflow.org -n {HOME}`" in train.remedy


def test_rights_are_told_apart_by_resource_and_scope(cluster: tuple[Restricted, Path]) -> None:
    config = cluster[0].config("no-pods-log").config_file
    lacks_logs = finding(examine(["rights"], config_file=config, timeout=PATIENT), "rights", "train")
    assert lacks_logs.why == "these credentials may not get pods/log"

    config = cluster[0].config("no-clustertrainingruntimes").config_file
    lacks_runtimes = finding(examine(["rights"], config_file=config, timeout=PATIENT), "rights", "train")
    assert lacks_runtimes.why.endswith("get clustertrainingruntimes.trainer.kubeflow.org, list "
                                       "clustertrainingruntimes.trainer.kubeflow.org")  # fmt: skip
    assert "--all-namespaces" in lacks_runtimes.remedy


def test_a_wrong_token_and_a_namespace_that_is_not_there_are_broken(
    cluster: tuple[Restricted, Path], tmp_path: Path
) -> None:
    front = cluster[0].front
    wrong = examine(["rights"], config_file=front.kubeconfig(tmp_path / "wrong", token="open-sesame"), timeout=PATIENT)
    assert finding(wrong, "cluster", "API server").state is BROKEN
    assert "log in" in finding(wrong, "cluster", "API server").remedy.lower()
    assert "open-sesame" not in wrong.text()

    examination = examine(["cluster"], config_file=cluster[1], namespace="absent", timeout=PATIENT)
    absent = finding(examination, "cluster", "namespace 'absent'")
    assert absent.state is BROKEN
    assert "`kubectl create namespace absent`" in absent.remedy
