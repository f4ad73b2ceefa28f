"""`kubeflow tune` and what belongs to it, and `kubeflow doctor`: on this machine, and on a real API server."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.cli.conftest import Place
from tests.cluster.until import until


def test_a_search_from_its_start_to_its_end(place: Place, tmp_path: Path) -> None:
    # The engine that a process of this machine runs keeps its searches here, whatever runs the trials.
    place = replace(place, environment={**place.environment, "KUBEFLOW_STATE_DIR": str(tmp_path / "state")})
    space = ("--space", "lr=choice(0.2, 0.1)", "--algorithm", "grid", "--trials", "2", "--parallel", "2")
    done = place.run("tune", "digits:fit", "--runtime", place.runtime, "--arg", "epochs=1", *space, "--wait")
    assert done.code == 0, done.err
    name = done.out.strip()
    assert f"{name}: Complete, 2/2 trials, best loss=0.1\n" in done.err

    assert place.call("searches", "-o", "name").out == f"{name}\n"
    (listed,) = place.data("searches")
    assert (listed["status"], listed["engine"], len(listed["trials"])) == ("Complete", "client", 2)
    trials = place.call("trials", name).out.splitlines()
    assert trials[0].split() == ["NAME", "STATUS", "VALUES", "PARAMETERS", "WHY"]
    assert [line.split()[:4] for line in trials[1:]] == [
        [f"{name}-0", "Complete", "loss=0.2", "lr=0.2"],
        [f"{name}-1", "Complete", "loss=0.1", "lr=0.1"],
    ]
    assert place.call("best", name, "--as-args").out == "--arg lr=0.1\n"
    assert place.data("best", name)["name"] == f"{name}-1"
    assert place.call("best", name, "-o", "name").out == f"{name}-1\n"
    assert "Objective: minimize loss\n" in place.ok("searches", "get", name)
    assert place.call("searches", "wait", name, "--timeout", "30s").out == f"{name}\n"
    assert name in place.ok("searches", "explain", name)
    assert place.call("logs", f"{name}-1", "--tail", "1").out == "epoch 0: loss=0.1\n"
    report = place.call("report", name, "--search", "--to", str(tmp_path)).out
    assert report == f"{tmp_path / f'{name}-report.html'}\n"
    assert f"{name}-1 (number 1)" in Path(report.strip()).read_text("utf-8")  # the best

    assert place.call("searches", "delete", name, "no-such-search").code == 3
    assert place.call("searches", "-o", "name").out == ""


def test_a_search_is_suspended_resumed_and_stopped(place: Place, tmp_path: Path) -> None:
    place = replace(place, environment={**place.environment, "KUBEFLOW_STATE_DIR": str(tmp_path / "state")})
    space = ("--space", "seconds=choice(500.0, 600.0)", "--trials", "2", "--parallel", "1", "--metric", "loss")
    name = place.ok("tune", "digits:doze", "--runtime", place.runtime, *space).strip()
    until(lambda: any(trial["status"] == "Running" for trial in place.data("trials", name)))
    assert place.ok("searches", "suspend", name) == f"{name} suspended\n"
    until(lambda: place.data("searches", "get", name)["status"] == "Suspended")
    assert place.ok("searches", "resume", name, "-o", "name") == f"{name}\n"
    until(lambda: any(trial["status"] == "Running" for trial in place.data("trials", name)))
    assert place.run("best", name).code == 7  # nothing has ended
    assert place.run("searches", "stop", name, "no-such-search").code == 3
    assert place.run("searches", "wait", name, "--timeout", "60s").code == 1
    assert json.loads(place.ok("trials", name, "-o", "json"))
    assert place.ok("searches", "delete", name) == f"{name} deleted\n"
    assert place.call("searches", "get", name).code == 3


def test_the_doctor_looks_at_the_place_that_jobs_run_in(place: Place) -> None:
    sections = ["rights"] if place.backend == "kubernetes" else ["machine"]
    done = place.run("doctor", *sections, "-o", "json", "--timeout", "60s")
    assert done.code == 0, done.out + done.err
    found = {section["name"]: section["state"] for section in json.loads(done.out)["sections"]}
    assert found == (
        {"cluster": "missing", "rights": "ok"} if place.backend == "kubernetes" else {"machine": "missing"}
    )
