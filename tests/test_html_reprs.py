"""What notebooks show of every public object that has `_repr_html_`: HTML that holds, escaped, and without secrets.

The classes are found, not listed: those of `tests/test_reprs.py` that have the method, and the lists that clients return.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow import hub, kserve, optimizer, spark, trainer
from kubeflow.core.html_style import ROOT
from kubeflow.core.model import KubeObject
from kubeflow.core.shown_list import ShownList
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import ServiceList
from kubeflow.optimizer.types.optimization_types import SearchList
from kubeflow.optimizer.types.trials import TrialList, Trials
from kubeflow.spark.types.spark_jobs import SparkJobList
from kubeflow.spark.types.spark_sessions import SessionList
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis, Explanation
from kubeflow.trainer.types.jobs import EventList, JobList
from kubeflow.trainer.types.runtimes import RuntimeList
from tests.browser import Chromium
from tests.core.test_html import Reader
from tests.test_reprs import JOB, NOW, RUNTIME, SECRET, instances, public_classes

pytestmark = pytest.mark.filterwarnings("ignore:TrainingClient:DeprecationWarning")

MARKUP = '<img src=x onerror="alert(1)"></td></table><script>"&lt;'


def shown_with(text: str) -> list[object]:
    """Return one object of each class that notebooks show, and one list of each kind, with `text` in every text."""
    step = trainer.Step(text, "Running", text, text, text)
    job = replace(JOB, name=text, steps=[step], metrics={text: text}, notes=[text])
    event = trainer.Event(text, text, text, text, NOW)
    runtime = trainer.Runtime(text, replace(RUNTIME.trainer, image=text, command=(text,)), RUNTIME.kind, text, (text,))
    metric = optimizer.Metric(text, 0.1, 0.5, 0.2)
    trial = optimizer.Trial(text, {text: text}, job, [metric], 0, "Failed", text, NOW, NOW + timedelta(seconds=5))
    aims = (optimizer.Objective("loss"),)
    search = optimizer.OptimizationJob(
        *(text, {}, aims, optimizer.TPE(), optimizer.TrialConfig(20, 4), (trial,), NOW, "Running"),
        reason=text,
        notes=(text,),
    )
    revision = kserve.Revision(text, 10, model=text)
    loading = kserve.ModelLoading(text, text, text)
    service = kserve.Service(
        *(text, "Degraded", NOW, text, text, text, text, text),
        runtime=text, loading=loading, revisions=(revision,), notes=(text,),
    )  # fmt: skip
    spark_job = spark.SparkJob(text, text, spark.SparkJobStatus.FAILED, NOW, 4, text, text, 2, {text: text})
    session = spark.SparkConnectInfo(text, text, spark.SparkConnectState.READY, text, text, text, NOW, text)
    artifact = hub.ModelArtifact(name=text, uri=text or "s3://a/b", model_format_name=text, description=text)
    version = hub.ModelVersion(name=text, model_name=text, author=text, custom_properties={text: text})
    model = hub.RegisteredModel(name=text, owner=text, description=text, version=version)
    points = (trainer.MetricPoint(text, 0.25, "reported", 3, NOW), trainer.MetricPoint(text, float("nan"), "printed"))
    diagnosis = Diagnosis(job, text, [event], [text], [text], [text], [text])
    told = ServiceDiagnosis(service, text, [event], [text], [text], [text], [text])
    rendered = TrainJob.from_server({"metadata": {"name": text}, "spec": {"env": [{"name": "A", "value": text}]}})
    return [
        rendered, job, runtime, trial, search, optimizer.Result({text: text}, [metric], text), service, spark_job, session, artifact,
        version, model, trainer.MetricHistory(points), diagnosis, told, Explanation(diagnosis), Explanation(told),
        JobList([job]), EventList([event]), RuntimeList([runtime]), TrialList([trial]), Trials([trial]), SearchList([search]),
        ServiceList([service]), SparkJobList([spark_job]), SessionList([session]),
    ]  # fmt: skip


def html_of(value: Any) -> str:
    return str(value._repr_html_())


def lists(kind: type[Any] = ShownList) -> Iterator[type[Any]]:
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("kubeflow."):
            yield subclass


def test_every_public_class_that_notebooks_show_is_looked_at_here() -> None:
    covered = {type(value) for value in shown_with("a")}
    public = {kind for kind in public_classes() if "_repr_html_" in vars(kind)} - {ShownList, KubeObject}
    assert public - covered == set()
    assert set(lists()) - covered == set()
    wanted = {
        *(trainer.TrainJob, trainer.Runtime, trainer.MetricHistory, optimizer.OptimizationJob, optimizer.Trial),
        *(optimizer.Result, kserve.Service, spark.SparkJob, spark.SparkConnectInfo, hub.RegisteredModel),
        *(hub.ModelVersion, hub.ModelArtifact),
    }
    assert wanted - public == set()


def test_what_is_shown_holds_and_hides_secrets() -> None:
    for value in (value for value in instances() if hasattr(type(value), "_repr_html_")):
        shown = html_of(value)
        read = Reader(shown)
        assert SECRET not in shown, value
        assert " at 0x" not in shown
        assert "None" not in read.text, value
        assert len(shown) < 60_000


@settings(max_examples=15)
@given(st.text(max_size=12) | st.just(MARKUP))
def test_texts_of_users_stay_texts_wherever_they_stand(given_text: str) -> None:
    for value in shown_with(given_text):
        read = Reader(html_of(value))
        assert not {"script", "img"} & set(read.elements)
        assert not any(name.startswith("on") for name, _ in read.attributes)


def test_markup_is_read_as_it_was_written() -> None:
    for value in shown_with(MARKUP):
        assert MARKUP in Reader(html_of(value)).text, value


def test_a_failed_job_says_what_failed_and_what_to_call() -> None:
    failed = replace(JOB, status="Failed", steps=[replace(JOB.steps[0], status="Failed")], progress=None)
    text = Reader(html_of(failed)).text
    assert "✕ Failed" in text
    assert "node-0" in text
    assert "client.explain('train-3f2a')" in text
    running = Reader(html_of(replace(JOB, estimated_remaining_seconds=300))).text
    assert "40 %" in running
    assert "5 min" in running
    assert "100, 100 steps running" in running


def test_an_explanation_has_its_parts_below_their_titles() -> None:
    event = trainer.Event("Pod", "a-0", "Started\nnow", "Started", datetime(2026, 1, 1, tzinfo=UTC))
    told = Explanation(Diagnosis(JOB, "rank 0 <raised>", [event], ["a finding"], ["Traceback:", "  x"], ["Try this"]))
    read = Reader(html_of(told))
    assert [element for element in read.elements if element in ("h3", "h4", "pre", "li")][:2] == ["h3", "h4"]
    assert read.elements.count("pre") == 2  # timeline, log
    assert "TrainJob 'train-3f2a' ▶ Running" in read.text
    assert "rank 0 <raised>" in read.text
    for title in ("Steps", "Findings", "Timeline", "Log", "What to try"):
        assert title in read.text
    assert str(told) == repr(told)


def test_an_api_object_is_its_yaml_without_secrets() -> None:
    env = [{"name": "HF_TOKEN", "value": SECRET}, {"name": "A", "value": "x" * 5000}]
    job = TrainJob.from_server({"metadata": {"name": "a"}, "spec": {"trainer": {"env": env, "numNodes": 2}}})
    read = Reader(html_of(job))
    assert read.text.startswith("TrainJob aYAML, ")
    assert "numNodes: 2" in read.text
    assert SECRET not in read.text
    assert "(5,000 characters)" in read.text
    assert len(html_of(job)) < 12_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_views_can_be_read_in_a_browser_on_a_phone_too(chromium: Chromium, dark: bool) -> None:
    views = [html_of(value) for value in shown_with("train-with-a-long-name-" * 3)]
    # The themes say the opposite of the desktop: what the page says counts. The last part says nothing.
    theme = (
        'data-jp-theme-light="true" style="background: #fff"'
        if dark
        else 'class="vscode-dark" style="background: #111"'
    )
    page = f"<!DOCTYPE html><html><body style='margin: 0'><div {theme}>{''.join(views)}</div>{''.join(views)}</body></html>"
    with chromium.open(page, dark=dark, width=400) as seen:
        seen.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert seen.overflow() == 0
        assert seen.hardly_readable() == []
        assert not seen.errors()
        assert not seen.requests()
        grounds = {tuple(element.background) for element in seen.elements(f".{ROOT}")}
    assert len(grounds) == 2  # the theme's, and the desktop's


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    hook = sys.displayhook, sys.excepthook
    made = InteractiveShell()  # type: ignore[no-untyped-call]
    yield made
    sys.displayhook, sys.excepthook = hook
    InteractiveShell.clear_instance()


def test_ipython_takes_html_and_keeps_the_text(shell: InteractiveShell) -> None:
    formatter: Any = shell.display_formatter
    formatter.active_types = ["text/plain", "text/html"]
    for value in shown_with("a"):
        data, _ = formatter.format(value)
        assert data["text/html"] == html_of(value) or "ago" in data["text/html"]
        assert data["text/plain"] == repr(value)
