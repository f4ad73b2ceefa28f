"""The report of a job: one page that shows all that is known, in a real browser, of jobs that ended in any way."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.records import JobEvent
from kubeflow.reporting.curves import PlotCurve
from kubeflow.reporting.job_page import CurvePanel, Happened, JobPageData, LogTail, job_page
from kubeflow.reporting.report_page import LIMIT
from kubeflow.reporting.timeline import TimelineBar, TimelineLane
from kubeflow.trainer import (
    CustomTrainer,
    JobNotFound,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.backends.machine.local_particulars import particulars
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.jobs.job_report import job_report
from tests.browser import Chromium, Page
from tests.cluster.scenarios import Scenario, Script, scripted
from tests.cluster.stage import Stage
from tests.trainer.reported_jobs import badly, well
from tests.trainer.runtimes import PLAIN

WAIT = 180
SECTIONS = ["What came of it", "Timeline", "Metrics", "Logs", "Events", "Environment"]
ENV = {"HF_TOKEN": "sesame", "KUBEFLOW_NOTE": "<u>a</u>"}


@dataclass
class Reported:
    """A client of this machine, and the files of the reports of its jobs by what became of them."""

    client: TrainerClient
    pages: dict[str, Path]
    names: dict[str, str]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    folder = tmp_path_factory.mktemp("reports")
    client = TrainerClient(LocalProcessBackendConfig(state_dir=folder / "state"))
    names = {
        "well": client.train(PLAIN, trainer=CustomTrainer(well, num_nodes=2, env=ENV), name="well"),
        "badly": client.train(PLAIN, trainer=CustomTrainer(badly, num_nodes=2, env=ENV), name="badly"),
        "never": client.train(PLAIN, trainer=CustomTrainer(well), options=[options.Suspend()], name="never"),
    }
    client.wait_for_job_status("well", timeout=WAIT)
    client.wait_for_job_status("badly", "Failed", timeout=WAIT)
    pages = {kind: client.report(name, folder) for kind, name in names.items()}
    # As after somebody has cleaned up: the plan and the logs are gone, the job is still listed.
    (job,) = (folder / "state" / "jobs").glob("badly-*")
    kept = folder / "kept"
    shutil.copytree(job, kept)
    shutil.rmtree(job)
    pages["gone"] = client.report(names["badly"], folder / "gone.html")
    shutil.copytree(kept, job)
    yield Reported(client, pages, dict(names))
    for job_ in client.list_jobs():
        client.delete_job(job_.name)


def looks_well(page: Page) -> None:
    assert page.errors() == []
    assert page.requests() == []
    assert page.overflow() == 0
    assert page.hardly_readable() == []
    assert page.overlapping("svg text") == []
    assert page.evaluate("document.title").startswith("TrainJob ")
    boxes = page.elements(".kf-plot .kf-box")
    for curve in page.elements(".kf-plot .kf-curve"):
        assert any(curve.within(box, by=2) for box in boxes)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_report_can_be_read_in_light_and_dark_and_on_any_width(
    chromium: Chromium, reported: Reported, dark: bool
) -> None:
    for kind, file in reported.pages.items():
        for width in (400, 1200):
            with chromium.open(file, dark=dark, width=width) as page:
                looks_well(page)
                assert [each.text for each in page.elements("h2")][:6] == SECTIONS, kind
                page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
                looks_well(page)


def test_the_report_of_a_job_that_went_well(chromium: Chromium, reported: Reported) -> None:
    with chromium.open(reported.pages["well"]) as page:
        assert page.text("h1") == "well ✓ Complete"
        assert "well is Complete: all its nodes have succeeded." in page.text()
        assert "'note': '<i>fine</i>'" in page.text()
        assert len(page.elements(".kf-lane")) == len(page.elements(".kf-life")) == 2
        titles = [each.text for each in page.elements("figcaption")]
        assert titles == ["loss", "acc<b>uracy</b>"]
        legend = page.elements("figure:first-of-type .kf-legend span")
        assert [each.text.strip() for each in legend] == ["rank 0", "rank 1"]
        first, second = page.elements(".kf-plot .kf-curve")[:2]
        assert first.color != second.color
        assert len(page.elements(".kf-cross")) == 2
        notes = page.text("figure:last-of-type")
        assert "of 1,500 values a line: the smallest and the largest of each interval" in notes
        assert "4 NaN or infinite (×)" in notes
        assert "events.out.tfevents.1767322800.host.1.0" in page.text("section:nth-of-type(3)")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        text = page.text()
        assert "<script>document.title = 'broken'</script> & red; login with ***" in text
        assert "KUBEFLOW_NOTE\t<u>a</u>" in text
        assert "name: well" in text
        assert "sesame" not in text
        assert "hf_aaa" not in reported.pages["well"].read_text("utf-8")
        assert "sesame" not in reported.pages["well"].read_text("utf-8")


def test_the_report_of_a_job_that_failed_opens_the_log_of_what_failed_first(
    chromium: Chromium, reported: Reported
) -> None:
    with chromium.open(reported.pages["badly"]) as page:
        assert page.text("h1") == "badly ✕ Failed"
        assert "rank 1 (node-1) raised ValueError: no such <file> & more" in page.text("section")
        (log,) = page.elements("details[open]")
        assert log.text.startswith("node-1 its last")
        assert page.element("[data-first-failure]").text == "✕ ValueError: no such <file> & more"
        assert [each.text.split("\n")[0] for each in page.elements("#timeline ~ div")][1:] == ["node-0", "node-1"]


def test_what_never_started_and_what_is_gone_is_said(chromium: Chromium, reported: Reported) -> None:
    with chromium.open(reported.pages["never"]) as page:
        assert page.text("h1") == "never ○ Suspended"
        text = page.text()
        assert "resume_job('never') starts it anew" in text
        assert "It has given no metric." in text
        assert "node-0 has written nothing, or its log is gone." in text
        assert page.elements(".kf-life") == []
    with chromium.open(reported.pages["gone"]) as page:
        text = page.text()
        assert "badly is Failed" in text
        assert "The plan of the job in" in text
        assert text.count("has written nothing, or its log is gone.") == 2
        assert len(page.elements(".kf-life")) == 2


def test_where_a_report_is_written(reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = reported.client
    monkeypatch.chdir(tmp_path)
    file = client.report("well")
    assert file == tmp_path / "well-report.html"
    assert stat.S_IMODE(file.stat().st_mode) & stat.S_IRUSR
    first = file.read_text("utf-8")
    assert client.report(client.get_job("well"), log_lines=0) == file  # a report is replaced
    assert "log_lines=0" in file.read_text("utf-8")
    assert "log_lines=0" not in first
    mine = tmp_path / "mine.html"
    mine.write_text("<p>by hand")
    with pytest.raises(InvalidInput, match=r"exists and is no report: .* overwrite=True"):
        client.report("well", mine)
    assert mine.read_text() == "<p>by hand"
    assert client.report("well", "mine.html", overwrite=True) == mine
    with pytest.raises(InvalidInput, match=r"There is no folder '.*/nowhere' for the report: make it"):
        client.report("well", "nowhere/a.html")
    with pytest.raises(InvalidInput, match=r"must end in \.html"):
        client.report("well", "a.pdf")
    with pytest.raises(InvalidInput, match="log_lines"):
        client.report("well", log_lines=-1)
    with pytest.raises(JobNotFound, match="Did you mean 'well'"):
        client.report("wel")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.html", "well-report.html"]


def test_the_history_of_a_job_has_every_rank_and_names_event_files(reported: Reported) -> None:
    history = reported.client.get_job_metrics("well")
    assert history.ranks("loss") == [0, 1]
    assert len(history.of("loss", rank=1)) == 1500
    assert history.of("loss", rank=1)[0].value == pytest.approx(1.1)
    assert len(history) == 3001
    assert [Path(file).name for file in history.event_files] == ["events.out.tfevents.1767322800.host.1.0"]
    assert "1 event file(s)" in repr(history)
    frame = history.to_dataframe()
    assert frame[frame.metric == "loss"].groupby("rank").size().to_dict() == {0: 1500, 1: 1500}
    drawn = reported.client.plot_metrics("well", ["loss"])
    assert [trace.name for trace in drawn.data] == ["rank 0", "rank 1"]  # type: ignore[union-attr]


class DeletingBackend:
    """A backend whose job somebody else deletes while it is looked at: as soon as its diagnosis has been asked for."""

    def __init__(self, client: TrainerClient) -> None:
        self._client = client

    def diagnose(self, name: str) -> Diagnosis:
        found = self._client.backend.diagnose(name)
        self._client.delete_job(name)
        return found

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._client.backend, attribute)


def test_a_job_that_is_deleted_meanwhile_is_reported_as_far_as_it_was_there(reported: Reported) -> None:
    name = reported.client.train(PLAIN, trainer=CustomTrainer(well), options=[options.Suspend()])
    backend: Any = DeletingBackend(reported.client)
    data = job_report(backend, name, 10)
    assert "resume_job" in data.remedies[0]
    assert data.notes == ["The job was deleted while this report was made: what it shows is what was still there."]
    assert set(data.gaps) == {"environment", "metrics", "document"}
    text = job_page(data, "1")
    assert "Not known: the job was deleted while this report was made." in text
    with pytest.raises(JobNotFound):
        reported.client.report(name)


def test_a_job_that_was_started_again_has_two_lives() -> None:
    def event(second: int, reason: str, step: str | None = None, message: str = "") -> JobEvent:
        return JobEvent(NOW + timedelta(seconds=second), reason, message, step)

    record: Any = SimpleNamespace(directory=Path("/nowhere"))
    told = [
        event(0, "Created"),
        event(1, "Started", "node-0"),
        event(1, "Started", "node-1"),
        event(3, "Exited", "node-1", "exited with code 0"),
        event(4, "Suspended", None, "its processes have been ended"),
        event(5, "Resumed"),
        event(6, "Started", "node-0"),
        event(8, "Exited", "node-0", "was killed by SIGKILL"),
        event(9, "Failed"),
    ]
    known = particulars(record, told)
    lives = [(life.step, life.status, life.start.second - NOW.second) for life in known.lives]
    assert lives == [("node-1", "Succeeded", 1), ("node-0", "Suspended", 1), ("node-0", "Failed", 6)]
    assert known.ended == NOW + timedelta(seconds=9)
    assert particulars(record, told[:2]).lives[0].end is None


NOW = datetime(2026, 11, 29, 8, 30, 15, tzinfo=UTC)
HOSTILE = "</pre><script>boom()</script>\"'&<" * 200


def monstrous() -> JobPageData:
    lanes = [
        TimelineLane(
            f"node-{index}",
            "Failed" if index == 900 else "Succeeded",
            [TimelineBar(NOW + timedelta(seconds=life), NOW + timedelta(seconds=life + 1), "Failed", HOSTILE) for life in range(50)],
        )
        for index in range(1000)
    ]  # fmt: skip
    xs = list(range(120))
    curves = [PlotCurve(f"rank {rank}", xs, [(-1.0) ** x * 1e308 for x in xs]) for rank in range(8)]
    return JobPageData(
        "TrainJob", "big", "Failed", {"Runtime": HOSTILE[:300]}, HOSTILE, [HOSTILE] * 1000, [HOSTILE] * 1000,
        [HOSTILE] * 1000, HOSTILE, lanes, [CurvePanel(HOSTILE, curves, ["1 of 2"])] * 24,
        [(HOSTILE, 1, 0.5, 0.5, float("nan"))] * 5000, [HOSTILE],
        [LogTail(f"node-{index}", [HOSTILE] * 5000, "", HOSTILE, HOSTILE) for index in range(12)],
        [Happened(NOW, "x", "y", HOSTILE)] * 5000, {"Command": HOSTILE}, {f"V{index}": HOSTILE for index in range(999)},
        "TrainJob", "\n".join(["a: " + HOSTILE] * 9999), {"events": HOSTILE}, made=NOW,
    )  # fmt: skip


def test_a_report_has_two_megabytes_at_most_and_says_what_it_leaves_out(chromium: Chromium, tmp_path: Path) -> None:
    data = monstrous()
    page_text = job_page(data, "1.2.3")
    assert len(page_text.encode()) <= LIMIT
    file = tmp_path / "big.html"
    file.write_text(page_text, "utf-8")
    with chromium.open(file, width=400) as page:
        assert (page.errors(), page.requests(), page.overflow()) == ([], [], 0)
        text = page.text()
        assert "Left out: this part" not in text  # every part is bounded by itself
        assert "960 more steps" in text
        assert "node-900" in text
        assert "events before these are not shown" in text
        assert "more metrics are not shown" in text
        assert page.evaluate("document.scripts.length") == 0
    whole = job_page(replace(data, panels=[*data.panels] * 5), "1.2.3")
    assert len(whole.encode()) <= LIMIT
    assert "Left out: this part is" in whole


def test_a_job_of_a_cluster_is_reported_with_its_pods_and_after_they_are_gone(
    chromium: Chromium, trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, tmp_path: Path
) -> None:
    client = TrainerClient(cluster_config)
    lines = ["epoch 1 loss=0.5", "epoch 2 loss=0.25", "Traceback (most recent call last):", "ValueError: <boom>"]
    trainer_cluster.controller.scenarios["played"] = scripted(Script(lines, exit_code=1))
    client.train(trainer=CustomTrainer(badly, num_nodes=2, env={"API_TOKEN": "sesame"}), name="played")
    client.wait_for_job_status("played", "Failed", timeout=WAIT)

    with chromium.open(client.report("played", tmp_path), dark=True) as page:
        looks_well(page)
        assert page.text("h1") == "played ✕ Failed"
        assert page.elements(".kf-life")
        assert [each.text for each in page.elements("figcaption")] == ["loss"]
        assert "ValueError: <boom>" in page.element("[data-first-failure]").text
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        text = page.text()
        assert "kind: TrainJob" in text
        assert "API_TOKEN\t***" in text
        assert "sesame" not in text
        assert "Kubeflow Trainer\n2.3" in text
    trainer_cluster.wire.send("DELETE", f"/api/v1/namespaces/{client.backend.namespace}/pods")
    with chromium.open(client.report("played", tmp_path), width=400) as page:
        looks_well(page)
        text = page.text()
        assert "None of its pods is there (any more)" in text
        assert "kind: TrainJob" in page.evaluate("document.body.textContent")


def test_restarts_and_a_pod_that_waits_are_in_the_timeline_of_a_cluster(
    chromium: Chromium, trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, tmp_path: Path
) -> None:
    client = TrainerClient(cluster_config)
    controller = trainer_cluster.controller
    controller.scenarios["again"] = scripted(Script(["loss=2"], exit_code=137, reason="OOMKilled"), Script(["loss=1"]))
    controller.scenarios["waits"] = Scenario(schedule=None)
    for name in ("again", "waits"):
        client.train("torch-restarting", trainer=CustomTrainer(badly), name=name)
    client.wait_for_job_status("again", timeout=WAIT)

    with chromium.open(client.report("again", tmp_path), width=400) as page:
        looks_well(page)
        lives = [each.text.partition(":")[0] for each in page.elements(".kf-life")]
        assert lives == ["Succeeded, exited with code 0"]
        assert "1 earlier start(s) are not known" in page.text()  # a kubelet forgets them when a pod has ended
        assert "node-0 was started again once in its pod" in page.text()
    with chromium.open(client.report("waits", tmp_path)) as page:
        looks_well(page)
        assert page.text("h1") == "waits ○ Created"
        assert page.elements(".kf-life") == []
        assert "Insufficient nvidia.com/gpu" in page.text("section")
