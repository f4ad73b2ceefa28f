"""From an `OptimizationSpec` to the Experiment that stands for it. Pure: nothing is read, asked or sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.katib.v1beta1 import (
    AlgorithmSetting,
    AlgorithmSpec,
    CollectorSpec,
    EarlyStoppingSetting,
    EarlyStoppingSpec,
    Experiment,
    ExperimentSpec,
    FilterSpec,
    MetricsCollectorSpec,
    MetricStrategy,
    ObjectiveSpec,
    SourceSpec,
    TrialParameterSpec,
    TrialTemplate,
)
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import shlex
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.katib.algorithm_settings import (
    CHECKPOINTS,
    algorithm_findings,
    early_stopping_findings,
    katib_algorithm,
    settings,
)
from kubeflow.optimizer.engines.katib.experiment_checks import experiment_findings, longest_name
from kubeflow.optimizer.engines.katib.metric_lines import metric_filter, name_findings
from kubeflow.optimizer.engines.katib.parameter_ranges import described, parameters
from kubeflow.optimizer.engines.space_documents import spaces_document
from kubeflow.optimizer.errors import EngineRefuses
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import job_with_placeholders, longest_job_name, with_time_limit
from kubeflow.optimizer.types.algorithm_types import PBT
from kubeflow.optimizer.types.early_stopping import MedianStop
from kubeflow.optimizer.types.optimization_types import Objective
from kubeflow.packaging.remote.reports import OBJECTIVE
from kubeflow.trainer.constants import constants as trainer_constants
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.rendering import older_minors, preflight
from kubeflow.trainer.rendering.render import render
from kubeflow.trainer.runtimes.known_runtimes import RuntimeModel
from kubeflow.trainer.types.trainers import TrainerType

SPACE_ANNOTATION = "kubeflow.org/search-space"
"""Of an Experiment: what its parameters are drawn from, with the values of choices."""
_CLIENT = "Take OptimizerClient(engine='client'), which makes ordinary jobs"
_STRATEGIES = {"last": "latest", "min": "min", "max": "max"}
_TRIAL_OF = "x" * 8  # stands for the eight characters that Katib adds
_PBT_SUFFIX = "x" * 36  # of a UUID


@dataclass(frozen=True)
class Surroundings:
    """What is known of the cluster that a search is for.

    Attributes:
        namespace: Where it runs; `None` leaves it to whoever applies it.
        minor: Of Kubeflow Trainer.
        runtime: The runtime of trials, as it is installed; `None` when that is not known.
    """

    namespace: str | None = None
    minor: str = older_minors.NEWEST
    runtime: RuntimeModel | None = None

    __repr__ = repr_of_fields


def search_findings(spec: OptimizationSpec, where: Surroundings) -> list[Finding]:
    """Return everything of a search that Katib cannot do, each with the nearest that it can."""
    found = [
        *_trainer_findings(spec, where),
        *_objective_findings(spec.objectives),
        *_config_findings(spec),
        *algorithm_findings(spec.algorithm, spec.space, spec.config),
        *early_stopping_findings(spec.early_stopping, spec.trial.num_nodes or 1),
    ]
    known = katib_algorithm(spec.algorithm)
    if known is not None:
        _, refused = parameters(spec.space, known, words=_takes_words(spec.trial))
        found += refused
    return found or [*_name_findings(spec, where)]


def rendered_experiment(spec: OptimizationSpec, where: Surroundings) -> Experiment:
    """Return the Experiment of a search.

    Raises:
        EngineRefuses: Katib cannot run it, with all findings.
        InvalidInput: Its job cannot be rendered for that cluster.
    """
    if found := search_findings(spec, where):
        raise EngineRefuses("katib", spec.name, found)
    experiment = _experiment(spec, where)
    if found := experiment_findings(experiment):
        raise EngineRefuses("katib", spec.name, found)
    return experiment


def _experiment(spec: OptimizationSpec, where: Surroundings) -> Experiment:
    known = katib_algorithm(spec.algorithm)
    assert known is not None  # it has been checked
    listed, _ = parameters(spec.space, known, words=_takes_words(spec.trial))
    document = spaces_document(spec.space, words=_takes_words(spec.trial))
    config = spec.config
    failed = None if config.max_failed_trials is None else config.max_failed_trials + 1
    return Experiment(
        metadata=ObjectMeta(
            name=spec.name,
            namespace=where.namespace,
            labels={constants.OPTIMIZATION_LABEL: spec.name},
            annotations=None if document is None else {SPACE_ANNOTATION: document},
        ),
        spec=ExperimentSpec(
            objective=_objective(spec.objectives[0]),
            algorithm=AlgorithmSpec(
                algorithm_name=spec.algorithm.algorithm_name,
                algorithm_settings=[
                    AlgorithmSetting(name=name, value=value)
                    for name, value in settings(spec.algorithm, spec.config).items()
                ]
                or None,
            ),
            early_stopping=_early_stopping(spec),
            parameters=listed,
            parallel_trial_count=config.parallel_trials,
            max_trial_count=config.num_trials,
            # Katib fails at so many, and this package above so many.
            max_failed_trial_count=failed if failed is not None and failed <= config.num_trials else None,
            resume_policy="FromVolume" if isinstance(spec.algorithm, PBT) else "Never",
            metrics_collector_spec=MetricsCollectorSpec(
                collector=CollectorSpec(kind="StdOut"),
                source=SourceSpec(filter=FilterSpec(metrics_format=[metric_filter(spec.objectives[0].metric)])),
            ),
            trial_template=_template(spec, where),
        ),
    )


def _objective(objective: Objective) -> ObjectiveSpec:
    best = "max" if objective.maximizes else "min"
    strategy = _STRATEGIES.get(objective.strategy, best)
    return ObjectiveSpec(
        type="maximize" if objective.maximizes else "minimize",
        objective_metric_name=objective.metric,
        goal=objective.goal,
        metric_strategies=[
            MetricStrategy.from_dict({"name": objective.metric, "value": strategy}),
        ],
    )


def _early_stopping(spec: OptimizationSpec) -> EarlyStoppingSpec | None:
    stopping = spec.early_stopping
    if not isinstance(stopping, MedianStop):
        return None
    given = {"min_trials_required": stopping.min_trials, "start_step": stopping.start_step}
    return EarlyStoppingSpec(
        algorithm_name=stopping.rule_name,
        algorithm_settings=[EarlyStoppingSetting(name=name, value=str(value)) for name, value in given.items()],
    )


def _template(spec: OptimizationSpec, where: Surroundings) -> TrialTemplate:
    job = trial_template_job(spec, where)
    trial = job.to_dict()
    trial.pop("status", None)
    metadata = dict(job.metadata.to_dict()) if job.metadata is not None else {}
    trial["metadata"] = {key: value for key, value in metadata.items() if key not in ("name", "namespace")}
    return TrialTemplate(
        primary_container_name=trainer_constants.NODE,
        # Of MPI the nodes run sshd alone, and the launcher trains.
        primary_pod_labels=_launcher_labels(spec.trial),
        retain=spec.config.retain,
        trial_parameters=[
            TrialParameterSpec(name=name, reference=name, description=described(values))
            for name, values in spec.space.items()
        ],
        trial_spec=trial,
    )


def trial_template_job(spec: OptimizationSpec, where: Surroundings) -> TrainJob:
    """Return the TrainJob of a trial, with placeholders for values."""
    job = with_time_limit(job_with_placeholders(spec), spec.config.trial_timeout)
    labels = {**job.labels, constants.OPTIMIZATION_LABEL: spec.name}
    env = {**job.env, OBJECTIVE: spec.objectives[0].metric}
    if isinstance(spec.algorithm, PBT):
        env["KUBEFLOW_CHECKPOINT_DIR"] = CHECKPOINTS
    rendered = render(replace(job, labels=labels, env=env), namespace=where.namespace, minor=where.minor, one_line=True)
    trainer = rendered.spec.trainer
    if job.bundle is None and trainer is not None and trainer.command:
        trainer.command, trainer.args = _as_one_line([*trainer.command, *(trainer.args or [])])
    return rendered


def _as_one_line(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a command that Katib can go on with: it joins words by spaces, and quotes none of them."""
    shell = words[0] if words[0] in ("bash", "sh") else "sh"
    return [shell, "-c"], [shlex.join(words)]


def _launcher_labels(job: JobSpec) -> dict[str, str] | None:
    if job.runtime.trainer.framework not in trainer_constants.MPI_FRAMEWORKS:
        return None  # what Katib takes by itself for TrainJobs
    return {
        "jobset.sigs.k8s.io/replicatedjob-name": trainer_constants.LAUNCHER,
        "batch.kubernetes.io/job-completion-index": "0",
    }


def _takes_words(job: JobSpec) -> bool:
    return job.bundle is None and job.builtin is None


def _trainer_findings(spec: OptimizationSpec, where: Surroundings) -> Iterator[Finding]:
    job = spec.trial
    builtin = job.builtin is not None or job.runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER
    fetching = [name for name in _jobs_without_node(where.runtime) if not builtin]
    if builtin:
        yield Finding(
            f"runtime {job.runtime.name!r}",
            "its trainer has typed settings, which hold no placeholder, and its jobs fetch model and data in pods that "
            "Katib's webhook refuses",
            _CLIENT,
        )
    elif fetching:
        yield Finding(
            f"runtime {job.runtime.name!r}",
            f"its jobs have pods without a container 'node' ({', '.join(fetching)}), which Katib's webhook refuses",
            f"Take a runtime without initializers, such as 'torch-distributed'. {_CLIENT}",
        )
    if job.initializer is not None:
        yield Finding(
            "initializer",
            "Katib's webhook refuses the pods that fetch model and data, as they have no container 'node'",
            f"Fetch them in the train function, or mount a volume. {_CLIENT}",
        )
    if job.suspend:
        yield Finding(
            "Suspend()", "a trial that is made suspended never starts on Katib", "Leave it out; Queue(...) does work"
        )
    if job.runtime.trainer.framework in trainer_constants.MPI_FRAMEWORKS and isinstance(spec.algorithm, PBT):
        yield Finding("PBT", "Katib mounts checkpoints in one pod alone", _CLIENT)
    if job.bundle is None and not builtin:
        yield from _image_findings(job)


def _jobs_without_node(runtime: RuntimeModel | None) -> list[str]:
    template = runtime.spec.template if runtime is not None and runtime.spec is not None else None
    jobs = template.spec.replicated_jobs if template is not None and template.spec is not None else None
    found: list[str] = []
    for job in jobs or []:
        inner = job.template.spec.template.spec if job.template.spec is not None else None
        names = [each.name for each in (inner.containers or [])] if inner is not None else []
        if trainer_constants.NODE not in names:
            found.append(str(job.name))
    return found


def _image_findings(job: JobSpec) -> Iterator[Finding]:
    if not job.command:
        yield Finding(
            "image",
            "Katib goes on with the command of a trial, and would ask the image's registry for one that is not given",
            "Give it: options=[TrainerCommand(['python', 'train.py', ...])]",
        )


def _objective_findings(objectives: Sequence[Objective]) -> Iterator[Finding]:
    if len(objectives) > 1:
        metrics = ", ".join(objective.metric for objective in objectives)
        yield Finding(
            f"objectives {metrics}",
            "Katib optimizes one metric; of others it has no direction",
            "Give one objective, or take OptimizerClient(engine='client')",
        )
    yield from name_findings([objectives[0].metric])


def _config_findings(spec: OptimizationSpec) -> Iterator[Finding]:
    config = spec.config
    if config.timeout is not None:
        yield Finding(
            "timeout",
            "an Experiment has no deadline",
            "Leave it out, give trial_timeout= for each trial, or take OptimizerClient(engine='client')",
        )
    if config.unique:
        yield Finding(
            "unique",
            "Katib may run the same parameters again",
            "Leave it out, or take OptimizerClient(engine='client')",
        )
    for what, given in (("enqueue", spec.enqueue), ("warm_start", spec.warm_start)):
        if given:
            yield Finding(
                what,
                "Katib's services begin without known trials",
                "Leave it out, or take OptimizerClient(engine='client')",
            )


def _name_findings(spec: OptimizationSpec, where: Surroundings) -> Iterator[Finding]:
    """Trials are called as the Experiment with nine characters more, and pods of their jobs need room, too."""
    suffix = _PBT_SUFFIX if isinstance(spec.algorithm, PBT) else _TRIAL_OF
    job = render(replace(spec.trial, name="x"), minor=where.minor, one_line=True)
    assert job.metadata is not None
    job.metadata.name = "x"
    room = longest_job_name(spec.trial)
    if where.runtime is not None:
        for length in range(63, 0, -1):
            job.metadata.name = "x" * length
            if not any("leave room" in finding for finding in preflight.findings(job, where.runtime, where.minor)):
                room = length
                break
    most = min(longest_name(room), room - len(suffix) - 1)
    if len(spec.name) > most:
        yield Finding(
            f"name {spec.name!r}",
            f"Katib adds {len(suffix) + 1} characters for each trial, whose pods need room, too",
            f"Give name= at most {max(most, 1)} characters",
        )
