"""What Katib 0.19's webhooks make of an Experiment: its defaults, and what they refuse. Pure.

Written from what Katib does, without a look at the SDK's own checks: the two must agree by themselves.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

INJECTION = "katib.kubeflow.org/metrics-collector-injection"
ALGORITHMS = (
    "random",
    "tpe",
    "grid",
    "hyperband",
    "bayesianoptimization",
    "cmaes",
    "sobol",
    "multivariate-tpe",
    "enas",
    "darts",
    "pbt",
)
"""What the shipped `katib-config` lists."""
_CONDITION = 'status.conditions.#(type=="{}")#|#(status=="True")#'
_ENDS = {"TrainJob": ("Complete", "Failed"), "Job": ("Complete", "Failed")} | dict.fromkeys(
    ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob"), ("Succeeded", "Failed")
)
_META = re.compile(r"\$\{trialSpec\.(Name|Kind|Namespace|APIVersion|Annotations\[.+\]|Labels\[.+\])\}")
_PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^{}]+)\}")
_TYPES = ("double", "int", "discrete", "categorical", "unknown")
_DISTRIBUTIONS = ("", "uniform", "logUniform", "normal", "logNormal", "unknown")
_KINDS = ("StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push", "None")


def default_experiment(given: Mapping[str, Any], minor: str = "0.19") -> Object:
    """Return an Experiment with the defaults of a Katib minor: `"0.19"`, or `"0.18"`, which knows no TrainJobs."""
    made = copy.deepcopy(dict(given))
    spec: Object = made.setdefault("spec", {})
    spec.setdefault("parallelTrialCount", 3)
    spec.setdefault("resumePolicy", "Never")
    for parameter in spec.get("parameters") or []:
        if parameter.get("feasibleSpace"):
            parameter["feasibleSpace"].setdefault("distribution", "uniform")
    _default_objective(spec.get("objective"))
    _default_collector(spec.setdefault("metricsCollectorSpec", {}))
    template = spec.get("trialTemplate")
    if minor != "0.18" or ((template or {}).get("trialSpec") or {}).get("kind") != "TrainJob":
        _default_template(template)
    return made


def _default_objective(objective: Object | None) -> None:
    if not objective or objective.get("type") not in ("minimize", "maximize"):
        return
    strategies: list[Object] = objective.setdefault("metricStrategies", [])
    named = {strategy["name"] for strategy in strategies}
    value = {"minimize": "min", "maximize": "max"}[objective["type"]]
    for name in [objective.get("objectiveMetricName"), *(objective.get("additionalMetricNames") or [])]:
        if name and name not in named:
            strategies.append({"name": name, "value": value})


def _default_collector(collector: Object) -> None:
    kind = collector.setdefault("collector", {}).setdefault("kind", "StdOut")
    if kind == "File":
        path: Object = collector.setdefault("source", {}).setdefault("fileSystemPath", {})
        path.setdefault("kind", "File")
        path.setdefault("path", "/var/log/katib/metrics.log")
        path.setdefault("format", "TEXT")


def _default_template(template: Object | None) -> None:
    if not template or not template.get("trialSpec"):
        return
    kind = template["trialSpec"].get("kind")
    if kind in _ENDS:
        good, bad = _ENDS[kind]
        template.setdefault("successCondition", _CONDITION.format(good))
        template.setdefault("failureCondition", _CONDITION.format(bad))
    if kind == "TrainJob":
        labels = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}
        template.setdefault("primaryPodLabels", labels)


def refuse_experiment(
    given: Mapping[str, Any], old: Mapping[str, Any] | None, namespace_labels: Mapping[str, str]
) -> str:
    """Return why Katib's webhook refuses an Experiment, all reasons joined; empty when it does not."""
    if old is None and namespace_labels.get(INJECTION) != "enabled":
        namespace = given["metadata"].get("namespace")
        return f"Cannot create the Experiment in namespace {namespace}: the namespace lacks label {INJECTION}: enabled"
    spec: Object = given.get("spec") or {}
    problems = [*_numbers(given["metadata"]["name"], spec), *(_update(spec, old) if old else ())]
    objective = spec.get("objective")
    if not objective:
        return "; ".join([*problems, "spec.objective: Required value: must be specified"])
    problems += [*_objective(objective), *_algorithms(spec), *_template(spec), *_space(spec), *_collector(spec)]
    return "; ".join(problems)


def _numbers(name: str, spec: Object) -> list[str]:
    found: list[str] = []
    if not re.match("^[a-z]([-a-z0-9]*[a-z0-9])?", name) or len(name) > 40:
        found.append("metadata.name: Invalid value: name must consist of lower case alphanumeric characters or '-'")
    failed, most, parallel = (
        spec.get(field) for field in ("maxFailedTrialCount", "maxTrialCount", "parallelTrialCount")
    )
    if failed is not None and failed < 0:
        found.append("spec.maxFailedTrialCount: Invalid value: should not be less than 0")
    if most is not None and most <= 0:
        found.append("spec.maxTrialCount: Invalid value: must be greater than 0")
    if parallel is not None and parallel <= 0:
        found.append("spec.parallelTrialCount: Invalid value: must be greater than 0")
    if failed is not None and most is not None and failed > most:
        found.append("spec.maxFailedTrialCount: Invalid value: should be less than or equal to spec.maxTrialCount")
    if parallel is not None and most is not None and parallel > most:
        found.append("spec.parallelTrialCount: Invalid value: should be less than or equal to spec.maxTrialCount")
    return found


def _update(spec: Object, old: Mapping[str, Any]) -> list[str]:
    before: Object = old["spec"]
    if spec == before:
        return []
    found: list[str] = []
    status = old.get("status") or {}
    newest: Object = next((c for c in reversed(status.get("conditions") or []) if c["status"] == "True"), {})
    over = newest.get("type") in ("Succeeded", "Failed")
    again = newest.get("reason") == "ExperimentMaxTrialsReached" and before.get("resumePolicy") != "Never"
    if over and not again:
        found.append(
            "spec.resumePolicy: Invalid value: Experiment can be restarted if it is in succeeded state by reaching max "
            "trials and spec.resumePolicy = LongRunning or spec.resumePolicy = FromVolume"
        )
    if spec.get("maxTrialCount") is not None and spec["maxTrialCount"] <= status.get("trials", 0):
        found.append("spec.maxTrialCount: Invalid value: must be greater than status.trials count")
    editable = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")
    if {k: v for k, v in spec.items() if k not in editable} != {k: v for k, v in before.items() if k not in editable}:
        found.append(
            "spec: Forbidden: only spec.parallelTrialCount, spec.maxTrialCount and spec.maxFailedTrialCount are editable"
        )
    return found


def _objective(objective: Object) -> list[str]:
    found: list[str] = []
    if objective.get("type") not in ("minimize", "maximize"):
        found.append("spec.objective.type: Invalid value: must be minimize or maximize")
    name = objective.get("objectiveMetricName")
    if not name:
        found.append("spec.objective.objectiveMetricName: Required value: must be specified")
    if name in (objective.get("additionalMetricNames") or []):
        found.append("spec.objective.additionalMetricNames: should not contain spec.objective.objectiveMetricName")
    return found


def _algorithms(spec: Object) -> list[str]:
    found: list[str] = []
    name = (spec.get("algorithm") or {}).get("algorithmName")
    if name not in ALGORITHMS:
        found.append(f"spec.algorithm.algorithmName: unable to get Suggestion config data for algorithm {name}")
    stopping = spec.get("earlyStopping")
    if stopping is not None and stopping.get("algorithmName") != "medianstop":
        found.append("spec.earlyStopping.algorithmName: unable to get EarlyStopping config data")
    if spec.get("resumePolicy") not in (None, "", "Never", "LongRunning", "FromVolume"):
        found.append("spec.resumePolicy: Invalid value: invalid ResumePolicyType")
    return found


def _template(spec: Object) -> list[str]:
    template = spec.get("trialTemplate")
    if not template:
        return ["spec.trialTemplate: Required value: must be specified"]
    found: list[str] = []
    if not template.get("primaryContainerName"):
        found.append("spec.trialTemplate.primaryContainerName: Required value: must be specified")
    if not template.get("successCondition") or not template.get("failureCondition"):
        found.append("spec.trialTemplate: successCondition and failureCondition must be specified")
    declared = template.get("trialParameters")
    if declared is None:
        return [*found, "spec.trialTemplate.trialParameters: Required value: must be specified"]
    trial_spec, config_map = template.get("trialSpec"), template.get("configMap")
    if (trial_spec is None) == (config_map is None):
        return [*found, "spec.trialTemplate: exactly one of trialSpec and configMap must be specified"]
    if trial_spec is None:
        return found
    text = json.dumps(trial_spec)
    space = {parameter["name"] for parameter in spec.get("parameters") or []}
    names: set[str] = set()
    references: set[str] = set()
    for parameter in declared:
        name, reference = parameter.get("name", ""), parameter.get("reference", "")
        if not name or not reference or "{" in name or "}" in name:
            found.append("spec.trialTemplate.trialParameters: name and reference must be specified")
        if name in names:
            found.append(f"parameter name {name} can't be duplicated")
        if reference in references:
            found.append(f"parameter reference {reference} can't be duplicated")
        if spec.get("nasConfig") is None and reference not in space and not _META.fullmatch(reference):
            found.append(f"parameter reference {reference} does not exist in spec.parameters")
        if f"${{trialParameters.{name}}}" not in text:
            found.append(f"parameter name: {name} does not exist in trial template")
        names.add(name)
        references.add(reference)
    for used in _PLACEHOLDER.findall(text):
        if used not in names:
            found.append(f"parameter: {used} in spec.trialTemplate not found in spec.parameters")
    metadata = trial_spec.get("metadata") or {}
    if metadata.get("name") or metadata.get("namespace"):
        found.append("spec.trialTemplate: metadata.name and metadata.namespace in runSpec must be omitted")
    if not trial_spec.get("apiVersion") or not trial_spec.get("kind"):
        found.append("spec.trialTemplate.apiVersion and kind must be specified")
    return found


def _space(spec: Object) -> list[str]:
    parameters, nas = spec.get("parameters") or [], spec.get("nasConfig")
    if bool(parameters) == (nas is not None):
        return ["spec: exactly one of spec.parameters and spec.nasConfig must be specified"]
    found: list[str] = []
    for index, parameter in enumerate(parameters):
        at, kind, space = f"spec.parameters[{index}]", parameter.get("parameterType"), parameter.get("feasibleSpace")
        if kind not in _TYPES:
            found.append(f"{at}.parameterType: {kind} is not supported")
        if not space:
            found.append(f"{at}.feasibleSpace: must be specified")
            continue
        if space.get("distribution", "") not in _DISTRIBUTIONS:
            found.append(f"{at}.feasibleSpace.distribution is not supported")
        ranged = any(space.get(field) for field in ("min", "max", "step"))
        if kind in ("double", "int"):
            if space.get("list"):
                found.append(f"{at}.feasibleSpace.list is not supported for parameterType: {kind}")
            if not space.get("min") or not space.get("max"):
                found.append(f"{at}.feasibleSpace.max or feasibleSpace.min must be specified")
        elif kind in ("categorical", "discrete") and ranged:
            found.append(f"{at}.feasibleSpace .max, .min and .step is not supported for parameterType: {kind}")
    return found


def _collector(spec: Object) -> list[str]:
    collector = spec.get("metricsCollectorSpec") or {}
    kind, source = (collector.get("collector") or {}).get("kind"), collector.get("source") or {}
    found: list[str] = []
    if kind not in _KINDS:
        found.append(f"spec.metricsCollectorSpec.collector.kind: invalid kind {kind}")
    path = source.get("fileSystemPath") or {}
    if kind == "File":
        if not str(path.get("path", "")).startswith("/"):
            found.append("spec.metricsCollectorSpec.source.fileSystemPath: file path must be absolute")
        if path.get("format") == "JSON" and source.get("filter"):
            found.append("spec.metricsCollectorSpec.source.filter must be nil when format of metrics file is JSON")
    for pattern in (source.get("filter") or {}).get("metricsFormat") or []:
        try:
            groups = re.compile(pattern).groups
        except re.error:
            groups = 0
        if groups != 2:
            found.append("metricsFormat must have two top subexpressions")
    return found
