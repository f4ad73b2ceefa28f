"""From an `OptimizationSpec` to the OptimizationJob that stands for it. Pure: nothing is read, asked or sent.

Facts of Trainer's main of 2026-08-21: the kind is there, and its controller is still to come. Values reach a trial as
environment variables, `KUBEFLOW_TRAINER_OPT_` and the name in upper case, and nothing in the template is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kubeflow_api.k8s.meta.v1 import EmbeddedObjectMeta, ObjectMeta
from kubeflow_api.trainer.v1alpha1 import (
    CategoricalSpace,
    GridAlgorithm,
    LogUniformSpace,
    OptimizationJob,
    OptimizationJobSpec,
    Parameter,
    RandomAlgorithm,
    SearchAlgorithm,
    SearchSpace,
    TrainJob,
    TrainJobTemplateSpec,
    UniformSpace,
    validate_rules,
)
from kubeflow_api.trainer.v1alpha1 import Objective as ObjectiveModel

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import Finding, InvalidInput
from kubeflow.core.rules import RuleViolation
from kubeflow.core.stdlib import re
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.space_documents import spaces_document
from kubeflow.optimizer.errors import EngineRefuses
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.template_spaces import PLACEHOLDER
from kubeflow.optimizer.trial_jobs import with_time_limit
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm, GridSearch, RandomSearch
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.optimization_types import Objective, TrialConfig
from kubeflow.optimizer.types.search_spaces import ContinuousSearchSpace, Distribution, IntegerSearchSpace, Space
from kubeflow.packaging.remote.coercion import OPTIMIZATION_JOB as PREFIX
from kubeflow.packaging.remote.reports import OBJECTIVE
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.rendering.render import render

SPACE_ANNOTATION = "kubeflow.org/search-space"
"""Of an OptimizationJob: what its parameters are drawn from, with the values of choices."""
_MOST = 100  # trials, parameters, choices
_TEXT = 64  # characters of a name, a metric, a choice
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CLIENT = "OptimizerClient(engine='client')"


@dataclass(frozen=True)
class _Rendered:
    space: SearchSpace | None = None
    finding: Finding | None = None

    __repr__ = repr_of_fields


def search_findings(spec: OptimizationSpec) -> list[Finding]:
    """Return everything of a search that an OptimizationJob cannot say, each with the nearest that it can."""
    _, refused = _parameters(spec)
    return [
        *_trainer_findings(spec.trial),
        *_name_findings(spec.space),
        *refused,
        *_objective_findings(spec.objectives),
        *_algorithm_findings(spec.algorithm),
        *_config_findings(spec.config),
        *_other_findings(spec),
    ]


def rendered_job(spec: OptimizationSpec, *, namespace: str | None = None) -> OptimizationJob:
    """Return the OptimizationJob of a search.

    Raises:
        EngineRefuses: An OptimizationJob cannot say it, with all findings.
        InvalidInput: Its job cannot be rendered.
    """
    if found := search_findings(spec):
        raise EngineRefuses("optimizationjob", spec.name, found)
    template = _template_job(spec, namespace)
    metadata = template.metadata or ObjectMeta()
    document = spaces_document(spec.space, words=_takes_words(spec.trial))
    labels = {constants.OPTIMIZATION_LABEL: spec.name}
    parameters, _ = _parameters(spec)
    job = OptimizationJob(
        metadata=ObjectMeta(
            name=spec.name,
            namespace=namespace,
            labels=labels,
            annotations=None if document is None else {SPACE_ANNOTATION: document},
        ),
        spec=OptimizationJobSpec(
            objectives=[_objective(spec.objectives[0])],
            search_algorithm=_algorithm(spec.algorithm),
            parameters=parameters,
            num_trials=spec.config.num_trials,
            parallel_trials=spec.config.parallel_trials,
            train_job_template=TrainJobTemplateSpec(
                metadata=EmbeddedObjectMeta(
                    labels={**(metadata.labels or {}), **labels}, annotations=metadata.annotations
                ),
                spec=template.spec,
            ),
        ),
    )
    if violations := validate_rules(job):
        raise RuleViolation(violations)
    return job


def variable(name: str) -> str:
    """Return the environment variable in which a trial finds a parameter."""
    return PREFIX + name.upper()


def _template_job(spec: OptimizationSpec, namespace: str | None) -> TrainJob:
    job = with_time_limit(spec.trial, spec.config.trial_timeout)
    if _takes_words(job):
        job = replace(job, command=_referring(job.command), args=_referring(job.args))
    return render(replace(job, env={**job.env, OBJECTIVE: spec.objectives[0].metric}), namespace=namespace)


def _referring(words: Sequence[str] | None) -> Sequence[str] | None:
    """Return words with references to variables, which Kubernetes expands, in place of placeholders."""
    if words is None:
        return None
    return [PLACEHOLDER.sub(lambda match: f"$({variable(match[1])})", text) for text in words]


def _takes_words(job: JobSpec) -> bool:
    return job.bundle is None and job.builtin is None


def _objective(objective: Objective) -> ObjectiveModel:
    return ObjectiveModel(metric=objective.metric, direction="Maximize" if objective.maximizes else "Minimize")


def _algorithm(algorithm: BaseAlgorithm) -> SearchAlgorithm:
    if isinstance(algorithm, GridSearch):
        return SearchAlgorithm(grid=GridAlgorithm())
    return SearchAlgorithm(random=RandomAlgorithm(seed=algorithm.random_state))


def _parameters(spec: OptimizationSpec) -> tuple[list[Parameter], list[Finding]]:
    grid, words = isinstance(spec.algorithm, GridSearch), _takes_words(spec.trial)
    rendered = {name: _space(name, values, grid, words) for name, values in spec.space.items()}
    made = [Parameter(name=name, search_space=each.space) for name, each in rendered.items() if each.space is not None]
    return made, [each.finding for each in rendered.values() if each.finding is not None]


def _space(name: str, space: Space, grid: bool, words: bool) -> _Rendered:
    if isinstance(space, CategoricalSearchSpace):
        if not words:
            return _list(name, [str(place) for place in range(len(space.choices))])
        try:
            return _list(name, [space.word(choice) for choice in space.choices])
        except InvalidInput as error:
            return _refused(name, str(error).rstrip("."), f"Give texts or numbers, or take {_CLIENT}")
    if isinstance(space, IntegerSearchSpace):
        count = (space.max - space.min) // space.step + 1
        if grid or space.step > 1 or count == 1:
            if count > _MOST:
                return _refused(
                    name, f"its {count:,} values are listed, and {_MOST} are at most", "Give a larger step, or a list"
                )
            return _list(name, [str(value) for value in range(space.min, space.max + 1, space.step)])
        ends = {"min": str(space.min), "max": str(space.max), "type": "Int"}
        return _range(ends, logarithmic=space.log)
    return _floats(name, space, grid)


def _floats(name: str, space: ContinuousSearchSpace, grid: bool) -> _Rendered:
    points = space.grid() if space.step is not None or space.min == space.max else None
    if points is not None:
        if len(points) > _MOST:
            return _refused(
                name, f"its {len(points):,} values are listed, and {_MOST} are at most", "Give a larger step, or a list"
            )
        return _list(name, [space.encode(point) for point in points])
    if grid:
        return _refused(name, "a grid of an OptimizationJob is of choices", "Give a step, or values with Search.choice")
    if space.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
        return _refused(
            name,
            f"an OptimizationJob has no {space.distribution.value} distribution",
            f"Write Search.uniform or Search.loguniform, or take {_CLIENT}",
        )
    ends = {"min": repr(space.min), "max": repr(space.max), "type": "Float"}
    return _range(ends, logarithmic=space.distribution is Distribution.LOG_UNIFORM)


def _range(ends: Mapping[str, str], *, logarithmic: bool) -> _Rendered:
    if logarithmic:
        return _Rendered(SearchSpace(log_uniform=LogUniformSpace.from_dict(ends)))
    return _Rendered(SearchSpace(uniform=UniformSpace.from_dict(ends)))


def _list(name: str, texts: Sequence[str]) -> _Rendered:
    if len(texts) > _MOST:
        return _refused(name, f"it has {len(texts):,} choices, and {_MOST} are at most", "Give fewer")
    if long := [text for text in texts if not 0 < len(text) <= _TEXT]:
        return _refused(
            name, f"the choice {long[0][:20]!r} has {len(long[0])} characters, and 1 to {_TEXT} are taken", "Shorten it"
        )
    return _Rendered(SearchSpace(categorical=CategoricalSpace(choices=[*texts])))


def _refused(name: str, why: str, remedy: str) -> _Rendered:
    return _Rendered(finding=Finding(f"parameter {name}", why, remedy))


# -- findings -------------------------------------------------------------------------------------------------------


def _trainer_findings(job: JobSpec) -> Iterator[Finding]:
    if job.builtin is not None:
        yield Finding(
            f"runtime {job.runtime.name!r}",
            "its trainer reads arguments, and an OptimizationJob hands values over in the environment alone",
            f"Take {_CLIENT}",
        )
    if job.suspend:
        yield Finding("Suspend()", "every trial would be made suspended", "Leave it out")
    if not _takes_words(job):
        return
    for name in sorted({match for text in job.env.values() for match in PLACEHOLDER.findall(text)}):
        yield Finding(
            f"env with ${{trialParameters.{name}}}",
            "an OptimizationJob replaces nothing in the template",
            f"Read the variable {variable(name)}, or write the placeholder in TrainerArgs([...])",
        )


def _name_findings(space: Mapping[str, Space]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in space:
        if not _VARIABLE.fullmatch(name) or len(name) > _TEXT:
            yield Finding(
                f"parameter {name}",
                "its value travels in an environment variable of its name in upper case",
                f"Choose a name of letters, digits and '_', at most {_TEXT} characters",
            )
        elif (other := seen.setdefault(name.upper(), name)) != name:
            yield Finding(
                f"parameters {other} and {name}",
                f"both travel in the environment variable {variable(name)}",
                "Choose names that differ in more than case",
            )
    if len(space) > _MOST:
        yield Finding("search_space", f"it has {len(space)} parameters, and {_MOST} are at most", "Search fewer")


def _objective_findings(objectives: Sequence[Objective]) -> Iterator[Finding]:
    if len(objectives) > 1:
        yield Finding("objectives", "an OptimizationJob has one", f"Give one, or take {_CLIENT}")
    aim = objectives[0]
    if len(aim.metric) > _TEXT:
        yield Finding(f"metric {aim.metric[:20]!r}...", f"a name has at most {_TEXT} characters", "Shorten it")
    if aim.goal is not None:
        yield Finding("Objective(goal=)", "an OptimizationJob has none", f"Leave it out, or take {_CLIENT}")
    if aim.strategy in ("min", "max"):
        yield Finding(
            f"Objective(strategy={aim.strategy!r})",
            "the value that a trial reported last counts",
            "Report the best so far with each call of report(), and leave strategy= out",
        )


def _algorithm_findings(algorithm: BaseAlgorithm) -> Iterator[Finding]:
    if isinstance(algorithm, GridSearch):
        if algorithm.random_state is not None:
            yield Finding("GridSearch(random_state=)", "a grid is not shuffled", "Leave it out")
    elif not isinstance(algorithm, RandomSearch):
        kind = type(algorithm).__name__
        yield Finding(kind, "an OptimizationJob does not have it", f"Take RandomSearch(), or {_CLIENT}")


def _config_findings(config: TrialConfig) -> Iterator[Finding]:
    if config.num_trials > _MOST:
        yield Finding(f"num_trials={config.num_trials}", f"{_MOST} are at most", f"Give {_MOST}, or take {_CLIENT}")
    for field, given, why in (
        ("max_failed_trials", config.max_failed_trials is not None, "an OptimizationJob does not count failures"),
        ("timeout", config.timeout is not None, "an OptimizationJob has no deadline"),
        ("retain=False", not config.retain, "an OptimizationJob keeps the jobs of its trials"),
        ("unique", config.unique, "an OptimizationJob may run the same parameters again"),
    ):
        if given:
            yield Finding(f"TrialConfig({field})", why, f"Leave it out, or take {_CLIENT}")


def _other_findings(spec: OptimizationSpec) -> Iterator[Finding]:
    for what, given in (
        ("early_stopping", spec.early_stopping),
        ("enqueue", spec.enqueue),
        ("warm_start", spec.warm_start),
    ):
        if given:
            yield Finding(what, "an OptimizationJob does not have it", f"Leave it out, or take {_CLIENT}")
