"""Whether Katib will take an Experiment and can run it: the rules of its webhook, and what fails after it. Pure.

Its CRD has no schema, so that the API server checks nothing. Rules of Katib 0.19 (`pkg/webhook/v1beta1/experiment`,
`pkg/controller.v1beta1/experiment/manifest`, and the checks of each suggestion service).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kubeflow_api.katib.v1beta1 import (
    Experiment,
    ExperimentSpec,
    FeasibleSpace,
    ObjectiveSpec,
    ParameterSpec,
    TrialTemplate,
)

from kubeflow.cluster import wire
from kubeflow.core.errors import Finding, did_you_mean
from kubeflow.core.stdlib import json, re
from kubeflow.optimizer.engines.katib.metric_lines import name_findings
from kubeflow.optimizer.engines.katib.suggestion_services import (
    ALGORITHM_TABLE,
    EARLY_STOPPING_TABLE,
    SERVICES,
    KatibAlgorithm,
    Setting,
    first_rung,
)
from kubeflow.optimizer.types.search_spaces import Distribution

NAME_MOST = 40
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_TRIAL_SUFFIX = 9  # "-" and eight characters
_PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^{}]+)\}")
_OF_TRIAL = re.compile(r"\$\{trialSpec\.(Name|Namespace|Kind|APIVersion|Annotations\[.+\]|Labels\[.+\])\}")
_RANGES = ("int", "double")
_LISTS = ("categorical", "discrete")


def experiment_findings(experiment: Experiment) -> list[Finding]:
    """Return everything that Katib would refuse, or accept and then fail on, each with its remedy."""
    spec = experiment.spec
    name = (experiment.metadata.name if experiment.metadata is not None else None) or ""
    return [
        *_name(name),
        *_counts(spec),
        *_objective(spec.objective),
        *_algorithm(spec),
        *_early_stopping(spec),
        *_parameters(spec),
        *_template(spec),
        *_collector(spec),
    ]


def _name(name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name) or len(name) > NAME_MOST:
        yield Finding(
            f"name {name!r}",
            f"Katib takes at most {NAME_MOST} lower-case letters, digits and '-', a letter first, no '-' last",
            "Choose another name",
        )


def _counts(spec: ExperimentSpec) -> Iterator[Finding]:
    most, parallel, failed = spec.max_trial_count, spec.parallel_trial_count, spec.max_failed_trial_count
    for field, value, least in (
        ("maxTrialCount", most, 1),
        ("parallelTrialCount", parallel, 1),
        ("maxFailedTrialCount", failed, 0),
    ):
        if value is not None and value < least:
            yield Finding(field, f"it is {value}", f"Write {least} or more")
    for field, value in (("parallelTrialCount", parallel), ("maxFailedTrialCount", failed)):
        if most is not None and value is not None and value > most:
            yield Finding(field, f"{value} is above maxTrialCount {most}", f"Write at most {most}")
    if most is not None and most < 3 and parallel is None:
        yield Finding("parallelTrialCount", "it is missing, and its default 3 is above maxTrialCount", f"Write {most}")


def _objective(objective: ObjectiveSpec) -> Iterator[Finding]:
    if objective.type not in ("minimize", "maximize"):
        yield Finding("objective.type", f"it is {objective.type!r}", "Write minimize or maximize")
    name, more = objective.objective_metric_name, objective.additional_metric_names or []
    if not name:
        yield Finding("objective.objectiveMetricName", "it is empty", "Name the metric that a trial prints")
    if name in more:
        yield Finding("objective.additionalMetricNames", f"it has the objective {name!r}", "Leave that out")
    yield from name_findings([str(each) for each in (name, *more)])


def _algorithm(spec: ExperimentSpec) -> Iterator[Finding]:
    name = spec.algorithm.algorithm_name
    if not name:
        yield Finding("algorithm.algorithmName", "it is empty", f"Write one of {', '.join(ALGORITHM_TABLE)}")
        return
    known = ALGORITHM_TABLE.get(name)
    if known is None:  # who runs the cluster may have added it
        return
    settings = [(entry.name or "", entry.value or "") for entry in spec.algorithm.algorithm_settings or []]
    yield from _settings(f"algorithm {name}", settings, known.settings, ignored=known.ignores_unknown)
    given = dict(settings)
    for missing in [each for each in known.required if each not in given]:
        yield Finding(f"algorithm {name}", f"it lacks the setting {missing}", "Add it to algorithmSettings")
    if spec.nas_config is None:
        yield from _algorithm_over_parameters(name, known, given, spec)


def _settings(
    what: str, given: Sequence[tuple[str, str]], known: Mapping[str, Setting], *, ignored: bool = False
) -> Iterator[Finding]:
    for name, value in given:
        if name not in known:
            if not ignored:
                close = did_you_mean(name, known).strip()
                takes = f"It takes {', '.join(known)}"
                yield Finding(f"setting {name} of {what}", "its service knows no such setting", close or takes)
        elif not known[name].fits(value):
            yield Finding(f"setting {name} of {what}", f"it is {value!r}", f"Write {known[name].words}")


def _algorithm_over_parameters(
    name: str, known: KatibAlgorithm, settings: Mapping[str, str], spec: ExperimentSpec
) -> Iterator[Finding]:
    parameters = spec.parameters or []
    numbers = [each for each in parameters if each.parameter_type in _RANGES]
    if len(numbers) < known.least_numbers:
        yield Finding(
            f"algorithm {name}", f"it takes at least {known.least_numbers} parameters of type int or double", "Add some"
        )
    if known.single_grid and None not in (points := [_points(each) for each in parameters]):
        combinations = math.prod(count or 0 for count in points)
        if (spec.max_trial_count or 0) > combinations:
            yield Finding("maxTrialCount", f"the grid has {combinations} points", f"Write at most {combinations}")
    for parameter in parameters:
        yield from _drawn(parameter, name, known)
    if name == "hyperband" and (text := settings.get("r_l")) and known.settings["r_l"].fits(text):
        if (resource := settings.get("resource_name")) not in [each.name for each in parameters]:
            yield Finding(
                "setting resource_name of algorithm hyperband", f"there is no parameter {resource!r}", "Add it"
            )
        eta = settings.get("eta", "3")
        if known.settings["eta"].fits(eta) and float(eta) > 1:
            trials, _ = first_rung(float(text), int(float(eta)))
            if (spec.parallel_trial_count or 3) < trials:
                yield Finding("parallelTrialCount", f"hyperband begins with {trials} trials at once", f"Write {trials}")


def _drawn(parameter: ParameterSpec, name: str, known: KatibAlgorithm) -> Iterator[Finding]:
    """What a service makes of a parameter that the webhook lets pass."""
    service, space = SERVICES[known.service], parameter.feasible_space
    kind, what = parameter.parameter_type, f"parameter {parameter.name}"
    if kind not in _RANGES:
        return
    low, high, step = (_number(text) for text in (space.min, space.max, space.step))
    needs_step = known.single_grid or service.doubles_need_steps
    if kind == "double" and needs_step and not space.step:
        yield Finding(what, f"{name} takes floats with a step only", "Add feasibleSpace.step")
    asked = space.distribution or Distribution.UNIFORM.value
    drawn = {each.value for each in (service.doubles if kind == "double" else service.ints)}
    if asked in ("normal", "logNormal") and known.service == "optuna":
        yield Finding(
            what, f"{name} drops parameters of the distribution {asked}", "Take random, or another distribution"
        )
    if kind == "double" and drawn == {"logUniform"} and low is not None and low <= 0:
        yield Finding(what, f"{name} draws floats on a log scale, and min is {space.min}", "Write a min above 0")
    elif asked in ("logUniform", "logNormal") and asked in drawn and low is not None and low <= 0:
        yield Finding(what, f"{space.min} has no logarithm", "Write a min above 0")
    if service.steps == "from 0" and step is not None and low is not None and step > 0 and not _is_multiple(low, step):
        yield Finding(
            what,
            f"{name} counts steps from 0 and not from min, so that values are outside of the range",
            "Write a min that is a multiple of step, or list the values",
        )
    if low is not None and high is not None and low > high:
        yield Finding(what, f"min {space.min} is above max {space.max}", "Exchange them")


def _early_stopping(spec: ExperimentSpec) -> Iterator[Finding]:
    stopping = spec.early_stopping
    if stopping is None:
        return
    name = stopping.algorithm_name or ""
    if name not in EARLY_STOPPING_TABLE:
        known = ", ".join(EARLY_STOPPING_TABLE)
        yield Finding("earlyStopping.algorithmName", f"Katib has no {name!r}", f"Write {known}")
        return
    settings = [(entry.name or "", entry.value or "") for entry in stopping.algorithm_settings or []]
    yield from _settings(f"earlyStopping {name}", settings, EARLY_STOPPING_TABLE[name])
    collector = spec.metrics_collector_spec.collector if spec.metrics_collector_spec is not None else None
    if collector is not None and collector.kind not in (None, "StdOut", "File"):
        yield Finding(
            "earlyStopping", f"collectors of the kind {collector.kind} cannot stop a trial", "Take StdOut or File"
        )


def _parameters(spec: ExperimentSpec) -> Iterator[Finding]:
    parameters = spec.parameters or []
    if bool(parameters) == (spec.nas_config is not None):
        yield Finding("parameters", "exactly one of parameters and nasConfig is needed", "Write one of them")
    for name, count in Counter(str(each.name) for each in parameters).items():
        if count > 1:
            yield Finding(f"parameter {name}", "it comes twice", "Give each its own name")
    for parameter in parameters:
        yield from _parameter(parameter, parameter.feasible_space)


def _parameter(parameter: ParameterSpec, space: FeasibleSpace) -> Iterator[Finding]:
    what, kind = f"parameter {parameter.name}", parameter.parameter_type
    if not space.to_dict():
        yield Finding(what, "its feasibleSpace is empty", "Write min and max, or a list")
        return
    if kind in _RANGES:
        if space.list_:
            yield Finding(what, f"{kind} takes no list", "Write min and max, or parameterType categorical")
        for field, text in (("min", space.min), ("max", space.max)):
            if not text:
                yield Finding(what, f"{kind} needs {field}", "Write it")
            elif (value := _number(text)) is None or (kind == "int" and not value.is_integer()):
                yield Finding(what, f"its {field} {text!r} is no {kind}", "Write a number")
        if space.step and ((step := _number(space.step)) is None or step <= 0):
            yield Finding(what, f"its step {space.step!r} is not above 0", "Write a number above 0")
    elif kind in _LISTS:
        if space.min or space.max or space.step:
            yield Finding(what, f"{kind} takes neither min, max nor step", "Write a list")
        if not space.list_:
            yield Finding(what, "its list is empty, so that there is no value for a trial", "Write a list of values")


def _template(spec: ExperimentSpec) -> Iterator[Finding]:
    template = spec.trial_template
    if not template.primary_container_name:
        yield Finding("trialTemplate.primaryContainerName", "it is missing", "Write node, for TrainJobs")
    if template.trial_spec is None and template.config_map is None:
        yield Finding("trialTemplate", "it has neither trialSpec nor configMap", "Write one of them")
    elif template.trial_spec is not None and template.config_map is not None:
        yield Finding("trialTemplate", "it has both trialSpec and configMap", "Write one of them")
    elif template.trial_spec is not None:
        yield from _trial_spec(spec, template, template.trial_spec)


def _trial_spec(spec: ExperimentSpec, template: TrialTemplate, trial: Mapping[str, object]) -> Iterator[Finding]:
    for field in ("name", "namespace"):
        if wire.at(trial, "metadata", field):
            yield Finding(f"trialSpec.metadata.{field}", "Katib gives it to each trial", "Leave it out")
    for field in ("apiVersion", "kind"):
        if not trial.get(field):
            yield Finding(f"trialSpec.{field}", "it is missing", "Write it")
    text = json.dumps(trial)
    declared = template.trial_parameters or []
    names = [str(each.name) for each in declared]
    references = [str(each.reference) for each in declared]
    for kind, listed in (("name", names), ("reference", references)):
        for value, count in Counter(listed).items():
            if count > 1:
                yield Finding(f"trialParameters with {kind} {value!r}", "there are several", "Leave all but one out")
    space = [str(each.name) for each in spec.parameters or []]
    for name, reference in zip(names, references, strict=True):
        if not name or "{" in name or "}" in name:
            yield Finding(f"trialParameters {name!r}", "a name is not empty and has no braces", "Choose another name")
        elif f"${{trialParameters.{name}}}" not in text:
            yield Finding(
                f"trialParameters {name!r}", "the template does not use it", f"Write ${{trialParameters.{name}}} there"
            )
        if spec.nas_config is None and reference not in space and not _OF_TRIAL.fullmatch(reference):
            hint = did_you_mean(reference, space).strip()
            yield Finding(f"trialParameters {name!r}", f"there is no parameter {reference!r}", hint or "Name one")
    for used in sorted(set(_PLACEHOLDER.findall(text)) - set(names)):
        yield Finding(f"${{trialParameters.{used}}}", "trialParameters does not have it", "Add it there")
    if spec.nas_config is None:
        for unused in [name for name in space if name not in references]:
            yield Finding(
                f"parameter {unused}",
                "no trialParameters refers to it, and Katib then makes no trial at all",
                "Refer to it, or leave it out",
            )


def _collector(spec: ExperimentSpec) -> Iterator[Finding]:
    collector = spec.metrics_collector_spec
    if collector is None:
        return
    source = collector.source
    kind = (collector.collector.kind if collector.collector is not None else None) or "StdOut"
    path = source.file_system_path if source is not None else None
    if kind == "File" and path is not None and path.path is not None and not path.path.startswith("/"):
        yield Finding("metricsCollectorSpec.source.fileSystemPath", f"{path.path!r} is not absolute", "Begin it with /")
    filters = (source.filter.metrics_format if source is not None and source.filter is not None else None) or []
    if filters and path is not None and path.format == "JSON":
        yield Finding("metricsCollectorSpec.source.filter", "files of JSON take no filter", "Leave it out")
    for pattern in filters:
        if (problem := _pattern_problem(pattern)) is not None:
            yield Finding(f"metricsFormat {pattern!r}", problem, "Write two groups: the name and the value")


def _pattern_problem(pattern: str) -> str | None:
    if ";" in pattern:
        return "Katib joins filters with ';'"
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f"it is no regular expression: {error}"
    return None if groups == 2 else f"it has {groups} groups"


def _points(parameter: ParameterSpec) -> int | None:
    """Return how many values a parameter has on a grid; `None` where nobody knows."""
    space = parameter.feasible_space
    if parameter.parameter_type in _LISTS:
        return len(space.list_ or [])
    low, high, step = (_number(text) for text in (space.min, space.max, space.step))
    step = step or (1.0 if parameter.parameter_type == "int" else None)
    if low is None or high is None or step is None or step <= 0 or high < low:
        return None
    return int((high - low) / step + 1e-9) + 1


def _is_multiple(value: float, step: float) -> bool:
    return math.isclose(value / step, round(value / step), abs_tol=1e-9)


def _number(text: str | None) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def longest_name(room: int) -> int:
    """Return how long the name of an Experiment may be where a trial's job has room for `room` characters."""
    return min(NAME_MOST, room - _TRIAL_SUFFIX)
