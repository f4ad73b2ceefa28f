"""What components run in their pods: a call of a client, and the hand-over of what it made to the pipeline.

The text of a component that `component` makes imports this module, so its pods need this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kubeflow.core.artifact import Artifact, ArtifactKind

_DAY = 24 * 60 * 60  # seconds: a step of a pipeline waits long
_URI = "kubeflow_uri"


class PipelineArtifact(Protocol):
    """An artifact of kfp, as a component sees it: its place, and facts about it that the next step reads."""

    uri: str
    metadata: dict[str, Any]


def run_train(
    func: Callable[..., object],
    arguments: Mapping[str, object],
    settings: Mapping[str, Any],
    *,
    reads: Mapping[ArtifactKind, PipelineArtifact] | None = None,
    makes: ArtifactKind | None = None,
    output: PipelineArtifact | None = None,
) -> Any:
    """Train, show the log, wait, and return what the function returned.

    Args:
        func: The train function.
        arguments: Its arguments.
        settings: Further arguments of `TrainerClient.train`.
        reads: What is fetched first, by kind.
        makes: What the job leaves; `None` for nothing.
        output: Gets its place.
    """
    from kubeflow.trainer import Initializer, TrainerClient

    client: Any = TrainerClient()
    given = dict(settings)
    if reads:
        given["initializer"] = Initializer(**{kind: received(artifact, kind) for kind, artifact in reads.items()})
    if makes is not None and output is not None:
        given.setdefault("output", _place(output, makes))
    job = client.train(train_func=func, func_args=dict(arguments), **given)
    print(f"TrainJob {job}", flush=True)
    for line in client.get_job_logs(job, follow=True):
        print(line, flush=True)
    client.wait_for_job_status(job, timeout=_DAY)
    if makes is not None and output is not None:
        hand_over(client.get_job_output(job, kind=makes), output)
    return client.get_job_result(job)


def run_optimize(func: Callable[..., object], arguments: Mapping[str, object], settings: Mapping[str, Any]) -> Any:
    """Search, wait, and return the parameters of the best trial.

    Args:
        func: The function of a trial.
        arguments: Its arguments that stay as they are.
        settings: Further arguments of `OptimizerClient.optimize`, the search space among them.
    """
    from kubeflow.optimizer import OptimizerClient
    from kubeflow.trainer import CustomTrainer

    client: Any = OptimizerClient()
    given = dict(settings)
    runtime = given.pop("runtime", None)
    search = client.optimize(CustomTrainer(func, dict(arguments) or None), runtime=runtime, **given)
    print(f"Search {search}", flush=True)
    best = client.wait_for_job_status(search, timeout=_DAY).best_trial
    if best is None:
        raise RuntimeError(f"No trial of search {search} is complete: client.get_job({search!r}) shows all of them.")
    metrics = {metric.name: metric.latest for metric in best.metrics}
    print(f"The best trial is {best.name}: {metrics} with {dict(best.parameters)}", flush=True)
    return dict(best.parameters)


def run_process_data(
    func: Callable[..., object],
    arguments: Mapping[str, object],
    settings: Mapping[str, Any],
    *,
    makes: ArtifactKind | None = None,
    output: PipelineArtifact | None = None,
) -> Any:
    """Process data with Spark, wait, and return what the function returned.

    Args:
        func: The function; its parameter `spark` is the session.
        arguments: Its other arguments.
        settings: Further arguments of `SparkClient.process_data`.
        makes: What the job leaves; `None` for nothing.
        output: Gets its place.
    """
    from kubeflow.spark import SparkClient

    client: Any = SparkClient()
    given = dict(settings)
    if makes is not None and output is not None:
        given.setdefault("output", _place(output, makes))
    job = client.process_data(func, args=dict(arguments), **given)
    print(f"SparkApplication {job}", flush=True)
    client.wait_for_job_status(job, timeout=_DAY)
    if makes is not None and output is not None:
        hand_over(client.get_job_output(job, kind=makes), output)
    return client.get_job_result(job)


def run_serve(name: str, model: PipelineArtifact, settings: Mapping[str, Any]) -> str:
    """Serve a model, or the next revision of it, and return the name of the service once it answers.

    Args:
        name: The service.
        model: What an earlier step made.
        settings: Further arguments of `KServeClient.serve`.
    """
    from kubeflow.kserve import KServeClient, ServiceExists

    client: Any = KServeClient()
    found = received(model, "model")
    try:
        client.serve(name, model=found, **settings)
    except ServiceExists:  # an earlier run of the pipeline made it: what it serves is replaced
        client.update(name, model=found, **{key: settings[key] for key in _UPDATED if key in settings})
    client.wait_for_service_status(name)
    print(f"InferenceService {name} answers", flush=True)
    return name


_UPDATED = ("model_format", "resources", "min_replicas", "max_replicas", "env", "trust_pickle")


def received(artifact: PipelineArtifact, kind: ArtifactKind) -> Artifact:
    """Return what an earlier step made, as this package's value."""
    metadata = {name: value for name, value in artifact.metadata.items() if isinstance(value, str | int | float | bool)}
    uri = str(metadata.pop(_URI, artifact.uri))
    output_format = metadata.pop("kubeflow_format", None)
    text = None if output_format is None else str(output_format)
    # kfp names folders of this machine without a scheme.
    return Artifact(uri, kind, text, metadata) if "://" in uri else Artifact.at(uri, kind, text, metadata)


def hand_over(made: Artifact, output: PipelineArtifact) -> None:
    """Tell the pipeline of what a step made."""
    facts: dict[str, Any] = {**made.metadata, _URI: made.uri}
    if made.format is not None:
        facts["kubeflow_format"] = made.format
    output.metadata.update(facts)


def _place(output: PipelineArtifact, kind: ArtifactKind) -> Artifact:
    """Return where kfp has a place for an output: a URI of its store, or a folder of this machine."""
    return Artifact(output.uri, kind) if "://" in output.uri else Artifact.at(output.uri, kind)
