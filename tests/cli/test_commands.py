"""Each command as a process, on this machine and on a real API server. Jobs are made once and looked at by all tests."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import yaml

from tests.cli.conftest import Place


def test_train_passes_words_and_variables_to_a_script(local: Place) -> None:
    words = ("--nodes", "1", "--env", "TEAM=vision", "-o", "json", "--follow")
    done = local.run("train", "script.py", *words, "--", "--lr", "0.1")
    assert done.code == 0, done.err
    log, brace, rest = done.out.partition("{\n")
    assert log == "arguments ['--lr', '0.1'] vision\n"
    job = json.loads(brace + rest)
    assert (job["status"], job["num_nodes"]) == ("Complete", 1)
    assert done.err.startswith(f"TrainJob {job['name']} is made.\n")


def test_jobs_as_table_names_json_and_yaml(place: Place, complete: str, failed: str) -> None:
    table = place.ok("jobs").splitlines()
    assert table[0].split() == ["NAME", "STATUS", "PROGRESS", "NODES", "RUNTIME", "CREATED"]
    line = next(line for line in table if line.startswith(f"{complete} "))
    assert line.split()[1:5] == ["Complete", "-", "1", place.runtime]
    assert line.endswith("Z")  # to a pipe, a time in UTC
    names = place.call("jobs", "-o", "name", "--status", "failed").out.splitlines()
    assert failed in names
    assert complete not in names
    as_json = place.data("jobs", "--runtime", place.runtime)
    assert [job["name"] for job in as_json] == [job.name for job in place.client.list_jobs(place.runtime)]
    assert yaml.safe_load(place.call("jobs", "-o", "yaml", "--newest", "1").out) == as_json[-1:]


def test_get_shows_a_job(place: Place, complete: str, failed: str) -> None:
    text = place.ok("get", complete)
    assert "Status:   Complete\n" in text
    assert "  node-0: Succeeded\n" in text
    assert place.data("get", complete) == place.client.get_job(complete).to_dict()
    several = place.data("get", complete, failed)
    assert [job["status"] for job in several] == ["Complete", "Failed"]


def test_logs(place: Place, complete: str) -> None:
    assert place.ok("logs", complete).splitlines()[-2:] == ["epoch 0: loss=0.1", "epoch 1: loss=0.2"]
    assert place.call("logs", "--follow", complete, "--tail", "1").out == "epoch 1: loss=0.2\n"
    assert "node-0" in place.call("logs", complete, "--all").out.splitlines()[-1]


def test_metrics(place: Place, complete: str, tmp_path: Path) -> None:
    table = place.ok("metrics", complete).splitlines()
    assert table[0].split() == ["METRIC", "LAST", "MIN", "MAX", "VALUES", "SOURCE"]
    assert next(line for line in table if line.startswith("loss ")).split() == [
        "loss",
        "0.2",
        "0.1",
        "0.2",
        "2",
        "printed",
    ]
    points = place.data("metrics", complete, "loss")
    assert [point["value"] for point in points] == [0.1, 0.2]


def test_report_writes_a_page(place: Place, complete: str, tmp_path: Path) -> None:
    file = place.ok("report", complete, "--to", str(tmp_path)).strip()
    assert file == str(tmp_path / f"{complete}-report.html")
    assert "loss" in Path(file).read_text("utf-8")
    refused = place.call("report", complete, "--to", str(tmp_path / "no" / "a.html"))
    assert refused.code != 0
    assert "There is no folder" in refused.err


def test_result_events_and_explanation(place: Place, complete: str, failed: str) -> None:
    result = {"lr": 0.1, "layers": [8, 4], "kind": "a", "fast": True}
    assert json.loads(place.ok("result", complete)) == result
    events = json.loads(place.ok("events", complete, "-o", "json"))
    assert {event["involved_object_kind"] for event in events} >= {
        "TrainJob" if place.backend == "localprocess" else "Pod"
    }
    text = place.ok("explain", failed)
    assert text.startswith(f"TrainJob '{failed}' is Failed: ")
    assert "ValueError: boom" in text
    assert place.data("explain", failed)["job"]["status"] == "Failed"


def test_runtimes(place: Place) -> None:
    assert place.runtime in place.ok("runtimes", "-o", "name").splitlines()
    assert place.call("runtimes", "torch-distributed").out.startswith("Name:      torch-distributed\n")


def test_wait_tells_failure_timeout_and_success_by_its_exit_code(place: Place, complete: str, failed: str) -> None:
    done = place.run("wait", complete, failed)
    assert done.code == 1
    assert done.out.splitlines()[1].split()[:2] == [complete, "Complete"]
    assert f"error: TrainJob '{failed}' failed: " in done.err
    assert f"`kubeflow logs {failed}" in done.err


def test_the_life_of_a_job(place: Place) -> None:
    job = place.ok("train", "digits:doze", "--runtime", place.runtime, "--label", "team=vision").strip()
    assert job.startswith("doze-")
    done = place.call("wait", job, "--for", "running", "--timeout", "3m", "-q")
    assert (done.code, done.err) == (0, "")
    follower = place.start("logs", "-f", job)
    assert follower.stdout is not None
    assert "dozing\n" in iter(follower.stdout.readline, "")  # reads up to this line
    assert place.call("result", job).code == 7
    late = place.call("wait", job, "--timeout", "0.1")
    assert late.code == 4
    assert f"`kubeflow logs {job}`" in late.err
    follower.send_signal(signal.SIGINT)
    _, told = follower.communicate(timeout=180)
    assert follower.returncode == 130
    assert f"`kubeflow logs -f {job}`" in told
    assert place.ok("suspend", job) == f"{job} suspended\n"
    place.client.wait_for_job_status(job, "Suspended", timeout=180)
    assert place.call("jobs", "-o", "name", "--status", "suspended", "-l", "team=vision").out == f"{job}\n"
    assert place.ok("resume", job, "-o", "name") == f"{job}\n"
    place.client.wait_for_job_status(job, "Running", timeout=180)
    assert json.loads(place.ok("stop", job, "-o", "json"))[0]["name"] == job
    gone = place.run("delete", job, "no-such-job", "--wait")
    assert (gone.code, gone.out) == (3, f"{job} deleted\n")
    assert "error: There is no TrainJob 'no-such-job'" in gone.err
    assert place.call("get", job).code == 3


def test_a_rendered_job_can_be_unpacked_and_started(place: Place, tmp_path: Path) -> None:
    text = place.ok("render", "digits:fit", "--arg", "lr=1", "--runtime", place.runtime, "--name", "rendered")
    assert yaml.safe_load(text)["spec"]["runtimeRef"]["name"] == place.runtime
    listed = place.ok("unpack", "-", str(tmp_path / "code"), stdin=text)
    assert listed.startswith("fit: ")
    assert "def fit(" in (tmp_path / "code" / "digits.py").read_text()
    if place.backend == "kubernetes":
        assert place.ok("train", "-f", "-", "--wait", stdin=text) == "rendered\n"
        assert place.call("unpack", "rendered", str(tmp_path / "again")).code == 0
        assert (tmp_path / "again" / "digits.py").read_text() == (tmp_path / "code" / "digits.py").read_text()
        checked = place.call("train", "script.py", "--runtime", place.runtime, "--server-dry-run").out
        assert yaml.safe_load(checked)["metadata"]["namespace"] == "commands"


def test_output_names_what_a_job_left(local: Place, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    words = ("--arg", "lr=1", "--job-output", str(folder), "--name", "leaves", "--wait")
    assert local.ok("train", "digits:fit", *words) == "leaves\n"
    assert local.ok("output", "leaves") == f"{folder.as_uri()}\n"
    assert (folder / "model.txt").read_text() == "weights"


def test_a_reader_that_goes_away_ends_the_command_quietly(local: Place) -> None:
    job = local.ok("train", "digits:fit", "--arg", "lr=1", "--arg", "epochs=20000", "--wait").strip()
    with local.start("logs", job) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(180) == 141


def test_ctrl_c_while_waiting_leaves_the_job(local: Place) -> None:
    process = local.start("train", "digits:doze", "--wait", "--name", "left-alone")
    assert process.stdout is not None
    assert process.stdout.readline() == "left-alone\n"
    assert process.stderr is not None
    assert any("left-alone Running" in line for line in iter(process.stderr.readline, ""))  # told by who waits
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "`kubeflow wait left-alone`" in told
    assert local.client.get_job("left-alone").status == "Running"
    local.client.delete_job("left-alone")
