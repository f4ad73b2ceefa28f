"""Katib 0.19 on the test cluster: its webhooks, and the controllers of Experiments, Suggestions and Trials.

It stands on the played Trainer (`tests.cluster.stage`): a trial's TrainJob is really run, its pod carries the played
collector, and what the collector reads of the trial's output is what the trial's status says.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.apiserver import UPSTREAM, Refused
from tests.cluster.admissionserver import AdmissionServer, Hook, changed, refused
from tests.cluster.events import post_event
from tests.cluster.katib import suggestionservices as services
from tests.cluster.katib.collector import NAME, VOLUME, CollectorLife
from tests.cluster.katib.experimentrules import INJECTION, default_experiment, refuse_experiment
from tests.cluster.katib.observations import UNAVAILABLE, Report, number, objective_text, observation
from tests.cluster.katib.podwebhook import PodRefused, injected_pod, trial_of
from tests.cluster.kubelet import Exit, Life, ScriptedLife, now, open_log
from tests.cluster.pods import PodRun
from tests.cluster.scenarios import Script
from tests.cluster.stage import Stage, documents, install

Object = dict[str, Any]

API = "/apis/kubeflow.org/v1beta1"
LABEL = "katib.kubeflow.org/experiment"
_TRAINJOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{}/trainjobs"
_TYPE = {"apiVersion": "kubeflow.org/v1beta1"}
_ENDS = ("Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable")
_SUFFIX = "abcdefghijklmnopqrstuvwxyz0123456789"


def katib_crds() -> list[Object]:
    """Return Katib's CRDs as upstream ships them."""
    folder = Path(str(UPSTREAM)) / "katib" / "v0.19.0" / "manifests" / "v1beta1" / "components" / "crd"
    return list(documents(folder))


def labelled_namespace(stage: Stage, name: str) -> str:
    """Make a namespace whose trials Katib collects metrics of, and return its name."""
    body = {"metadata": {"name": name, "labels": {INJECTION: "enabled"}}}
    stage.wire.send("POST", "/api/v1/namespaces", body)
    return name


class Katib:
    """Plays Katib's control plane on a stage, until it is stopped. Use it as a context.

    Attributes:
        database: What collectors have reported, by trial.
        seed: Of what the suggestion services draw.
        minor: `"0.19"`, or `"0.18"`, which knows no TrainJobs.
    """

    def __init__(self, stage: Stage, seed: int = 0, minor: str = "0.19") -> None:
        self.database: dict[str, list[Report]] = {}
        self.seed, self.minor = seed, minor
        self._stage, self._wire = stage, stage.wire
        self._loop = stage.controller.loop
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._random = random.Random(seed)
        self._waiting: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()
        experiments, pods = ("kubeflow.org", "v1beta1", "experiments"), ("", "v1", "pods")
        hooks = [
            Hook("defaulter.experiment.katib.kubeflow.org", True, experiments, ("CREATE", "UPDATE"), self._default),
            Hook("mutator.pod.katib.kubeflow.org", True, pods, ("CREATE",), self._inject, {INJECTION: "enabled"}),
            Hook("validator.experiment.katib.kubeflow.org", False, experiments, ("CREATE", "UPDATE"), self._judge),
        ]
        self._webhooks = AdmissionServer(stage.wire, stage.kubeconfig.parent, "katib.kubeflow.org", hooks)

    def __enter__(self) -> Katib:
        install(self._wire, katib_crds())
        self._webhooks.start()
        self._stage.controller.beside[NAME] = self._collector
        for path in (f"{API}/experiments", f"{API}/trials", "/apis/trainer.kubeflow.org/v1alpha1/trainjobs"):
            self._watch(path)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._loop.wait(lambda: None)  # what it is at needs the webhooks
        self._webhooks.stop()

    # -- webhooks ---------------------------------------------------------------------------------------------------

    def _default(self, request: Mapping[str, Any]) -> Object:
        return changed(request["object"], default_experiment(request["object"], self.minor))

    def _judge(self, request: Mapping[str, Any]) -> Object:
        given = request["object"]
        if given["metadata"].get("deletionTimestamp"):
            return {"allowed": True}
        namespace = self._wire.send("GET", f"/api/v1/namespaces/{given['metadata']['namespace']}")
        labels = namespace["metadata"].get("labels") or {}
        return refused(refuse_experiment(given, request.get("oldObject"), labels), 400, "BadRequest")

    def _inject(self, request: Mapping[str, Any]) -> Object:
        pod = request["object"]
        trial = trial_of(pod, request["namespace"], self._wire.find)
        if trial is None:
            return {"allowed": True}
        try:
            return changed(pod, injected_pod(pod, trial))
        except PodRefused as error:
            return refused(str(error), 400, "BadRequest")

    def _collector(self, pod: PodRun, ended: Callable[[Exit], None]) -> Life:
        trial = trial_of(pod.object, pod.object["metadata"]["namespace"], self._wire.find)
        if trial is None:  # it was deleted, and its pod will be
            return ScriptedLife(Script(stays=None), open_log(pod.log_folder, NAME), ended)
        namespace = pod.object["metadata"]["namespace"]
        return CollectorLife(
            trial,
            pod.volume(VOLUME),
            open_log(pod.log_folder, NAME),
            lambda: pod.main_process,
            self.database.__setitem__,
            lambda name: self._loop.soon(lambda: self._stopped_early(namespace, name)),
            ended,
        )

    # -- controllers ------------------------------------------------------------------------------------------------

    def _watch(self, path: str) -> None:
        def read() -> None:
            for event in self._wire.watch(path, self._stop):
                items = event["object"]["items"] if event["type"] == "RELIST" else [event["object"]]
                for item in items:
                    if (name := self._experiment_of(path, item)) is not None:
                        self._soon(item["metadata"]["namespace"], name)

        thread = threading.Thread(target=read, name=f"watch of {path}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _experiment_of(self, path: str, item: Object) -> str | None:
        metadata = item["metadata"]
        if path.endswith("/experiments"):
            return str(metadata["name"])
        if path.endswith("/trials"):
            return (metadata.get("labels") or {}).get(LABEL)
        owner = next((each for each in metadata.get("ownerReferences") or [] if each["kind"] == "Trial"), None)
        return None if owner is None else str(owner["name"]).rpartition("-")[0]

    def _soon(self, namespace: str, name: str, seconds: float = 0) -> None:
        key = namespace, name
        if key not in self._waiting:
            self._waiting.add(key)
            self._loop.later(seconds or 0.02, lambda: self._due(key))

    def _due(self, key: tuple[str, str]) -> None:
        self._waiting.discard(key)
        if self._stop.is_set():
            return
        experiment = self._wire.find(f"{API}/namespaces/{key[0]}/experiments/{key[1]}")
        selected = {"labelSelector": f"{LABEL}={key[1]}"}
        trials: list[Object] = self._wire.send("GET", f"{API}/namespaces/{key[0]}/trials", query=selected)["items"]
        trials.sort(key=lambda trial: (trial["metadata"]["creationTimestamp"], trial["metadata"]["name"]))
        if experiment is None or experiment["metadata"].get("deletionTimestamp"):
            self._remove(key, experiment, trials)
            return
        if not experiment["spec"].get("trialTemplate"):  # written past the webhook
            return
        # Lists come without the kinds of their items.
        trials = [self._reconcile_trial({**_TYPE, "kind": "Trial", **trial}) for trial in trials]
        self._reconcile_experiment({**_TYPE, "kind": "Experiment", **experiment}, trials)

    def _remove(self, key: tuple[str, str], experiment: Object | None, trials: Sequence[Object]) -> None:
        for trial in trials:
            self._wire.remove(_path(trial, "trials"))
            self._wire.remove(f"{_TRAINJOBS.format(key[0])}/{trial['metadata']['name']}")
            self._wire.patch(_path(trial, "trials"), {"metadata": {"finalizers": None}})
        if experiment is not None:
            self._wire.remove(f"{API}/namespaces/{key[0]}/suggestions/{key[1]}")
            self._wire.patch(_path(experiment, "experiments"), {"metadata": {"finalizers": None}})

    # -- trials -----------------------------------------------------------------------------------------------------

    def _reconcile_trial(self, trial: Object) -> Object:
        metadata, spec = trial["metadata"], trial["spec"]
        if metadata.get("deletionTimestamp"):
            self._wire.patch(_path(trial, "trials"), {"metadata": {"finalizers": None}})
            return trial
        if not trial.get("status"):
            status: Object = {"startTime": now(), "completionTime": None}
            return self._mark(trial, "Created", "TrialCreated", "Trial is created", status)
        path = f"{_TRAINJOBS.format(metadata['namespace'])}/{metadata['name']}"
        job, state = self._wire.find(path), state_of(trial)
        if job is None:
            if state in _ENDS:
                return trial
            try:
                self._wire.send("POST", path.rpartition("/")[0], self._owned(spec["runSpec"], trial))
            except Refused as error:
                if error.code != 409:
                    self._say_once(trial, "ReconcileError", f"Failed to reconcile: {error.message}")
                    self._soon(metadata["namespace"], metadata["labels"][LABEL], 1)
                return trial
            self._event(trial, "JobCreated", f"Job {metadata['name']} has been created")
            return self._mark(trial, "Running", "TrialRunning", "Trial is running")
        if state in _ENDS:
            if not spec.get("retainRun") and state != "MetricsUnavailable":
                self._wire.remove(path)
            if state == "EarlyStopped" and "observation" not in trial["status"]:
                return self._observe(trial)
            return trial
        return self._judge_job(trial, job)

    def _judge_job(self, trial: Object, job: Object) -> Object:
        name = trial["metadata"]["name"]
        for condition in (job.get("status") or {}).get("conditions") or []:
            if condition["status"] != "True":
                continue
            said, reason = f". Job message: {condition['message']}", f". Job reason: {condition['reason']}"
            if condition["type"] == "Failed":
                over: Object = {"completionTime": now()}
                return self._mark(trial, "Failed", f"TrialFailed{reason}", f"Trial has failed{said}", over)
            if condition["type"] == "Complete":
                if name not in self.database:
                    self._soon(trial["metadata"]["namespace"], trial["metadata"]["labels"][LABEL], 0.2)
                    return trial
                trial = self._observe(trial)
                objective = trial["spec"]["objective"]["objectiveMetricName"]
                metrics = trial["status"]["observation"]["metrics"]
                if all(m["latest"] == UNAVAILABLE for m in metrics if m["name"] == objective):
                    self._event(trial, "MetricsUnavailable", f"Metrics are not available for Job {name}", warning=True)
                    words = f"Metrics are not available{said}"
                    return self._mark(trial, "MetricsUnavailable", f"MetricsUnavailable{reason}", words)
                over = {"completionTime": now()}
                return self._mark(trial, "Succeeded", f"TrialSucceeded{reason}", f"Trial has succeeded {said}", over)
        return trial

    def _observe(self, trial: Object) -> Object:
        reports = self.database.get(trial["metadata"]["name"], [])
        status = {"observation": observation(reports, trial["spec"]["objective"])}
        return {**_TYPE, "kind": "Trial", **self._wire.patch(_path(trial, "trials") + "/status", {"status": status})}

    def _stopped_early(self, namespace: str, name: str) -> None:
        trial = self._wire.find(f"{API}/namespaces/{namespace}/trials/{name}")
        if trial is not None:
            trial = self._observe(trial)
            self._mark(trial, "EarlyStopped", "TrialEarlyStopped", "Trial is early stopped", {"completionTime": now()})

    def _owned(self, spec: Object, owner: Object) -> Object:
        metadata = owner["metadata"]
        reference = {**_TYPE, "kind": owner["kind"], "name": metadata["name"], "uid": metadata["uid"]}
        references = [{**reference, "controller": True, "blockOwnerDeletion": True}]
        return {**spec, "metadata": {**spec["metadata"], "ownerReferences": references}}

    # -- experiments ------------------------------------------------------------------------------------------------

    def _reconcile_experiment(self, experiment: Object, trials: Sequence[Object]) -> None:
        metadata, spec = experiment["metadata"], experiment["spec"]
        if not (experiment.get("status") or {}).get("conditions"):
            finalizers = {"metadata": {"finalizers": ["update-prometheus-metrics"]}}
            self._wire.patch(_path(experiment, "experiments"), finalizers)
            status = {"startTime": now(), "completionTime": None}
            self._mark(experiment, "Created", "ExperimentCreated", "Experiment is created", status)
            return
        experiment = self._count(experiment, trials)
        state, status = state_of(experiment), experiment["status"]
        if state in ("Succeeded", "Failed"):
            reason = _newest(experiment)["reason"]
            again = reason == "ExperimentMaxTrialsReached" and spec["resumePolicy"] != "Never"
            if not (again and spec.get("maxTrialCount", 0) > status.get("trials", 0)):
                return
            experiment = self._mark(experiment, "Restarting", "ExperimentRestarting", "Experiment is restarted")
        suggestion = self._suggestion(experiment)
        if state_of(suggestion) == "Failed":
            self._end(experiment, "Failed", "ExperimentFailed", "Suggestion has failed")
            return
        active = sum(state_of(trial) not in _ENDS for trial in trials)
        done = len(trials) - active
        wanted = spec["parallelTrialCount"]
        if "maxTrialCount" in spec:
            wanted = min(wanted, spec["maxTrialCount"] - done)
        if state_of(experiment) != "Running":
            experiment = self._mark(experiment, "Running", "ExperimentRunning", "Experiment is running")
        if wanted <= active:
            return
        made = self._create_trials(experiment, suggestion, trials, wanted - active)
        if not made and not active and trials:
            words = "Experiment has succeeded because suggestion service has reached the end"
            self._end(experiment, "Succeeded", "ExperimentSuggestionEndReached", words)
        self._soon(metadata["namespace"], metadata["name"], 0.3)

    def _count(self, experiment: Object, trials: Sequence[Object]) -> Object:
        """Write the counters and the best trial as Katib sees it, and end the experiment where they say so."""
        spec = experiment["spec"]
        fields = ("Succeeded", "Failed", "Killed", "EarlyStopped", "Running", "Pending", "MetricsUnavailable")
        lists: dict[str, list[str]] = {field: [] for field in fields}
        for trial in trials:
            state = state_of(trial)
            lists[state if state in lists else "Pending"].append(trial["metadata"]["name"])
        status: Object = {"trials": len(trials)}
        for field in fields:
            key = "trialMetricsUnavailable" if field == "MetricsUnavailable" else f"trials{field}"
            status[key] = len(lists[field])
            status[f"{field[0].lower()}{field[1:]}TrialList"] = lists[field] or None
        best, reached = self._best(spec["objective"], trials)
        if best is not None:
            status["currentOptimalTrial"] = {
                "bestTrialName": best["metadata"]["name"],
                "parameterAssignments": best["spec"]["parameterAssignments"],
                "observation": best["status"]["observation"],
            }
        if any((experiment.get("status") or {}).get(key) != value for key, value in status.items() if value):
            path = _path(experiment, "experiments") + "/status"
            experiment = {**_TYPE, "kind": "Experiment", **self._wire.patch(path, {"status": status})}
        if state_of(experiment) in ("Succeeded", "Failed") or not trials:
            return experiment
        bad = status["trialsFailed"] + status["trialMetricsUnavailable"]
        done = sum(status[f"trials{field}"] for field in ("Succeeded", "Failed", "Killed", "EarlyStopped"))
        done += status["trialMetricsUnavailable"]
        most = spec.get("maxFailedTrialCount")
        if reached:
            words = "Experiment has succeeded because Objective goal has reached"
            return self._end(experiment, "Succeeded", "ExperimentGoalReached", words)
        if most is not None and bad and bad >= most:
            words = "Experiment has failed because max failed count has reached"
            return self._end(experiment, "Failed", "ExperimentFailed", words)
        if "maxTrialCount" in spec and done >= spec["maxTrialCount"]:
            words = "Experiment has succeeded because max trial count has reached"
            return self._end(experiment, "Succeeded", "ExperimentMaxTrialsReached", words)
        return experiment

    def _best(self, objective: Object, trials: Sequence[Object]) -> tuple[Object | None, bool]:
        best: Object | None = None
        value, sign, reached = 0.0, 1 if objective["type"] == "minimize" else -1, False
        for trial in trials:
            text = objective_text(trial)
            if text == UNAVAILABLE:
                continue
            this = number(text)
            if this is None:
                best = trial  # whatever others have
                continue
            if best is None or sign * this < sign * value:
                best, value = trial, this
            goal = objective.get("goal")
            reached = reached or (goal is not None and sign * value <= sign * goal)
        return best, reached

    def _end(self, experiment: Object, kind: str, reason: str, message: str) -> Object:
        self._wire.patch(_path(experiment, "experiments") + "/status", {"status": {"completionTime": now()}})
        marked = self._mark(experiment, kind, reason, message)
        if experiment["spec"]["resumePolicy"] != "LongRunning" and kind == "Succeeded":
            suggestion = self._suggestion(experiment)
            self._mark(suggestion, "Succeeded", "SuggestionSucceeded", "Suggestion is succeeded")
        return marked

    def _suggestion(self, experiment: Object) -> Object:
        metadata = experiment["metadata"]
        path = f"{API}/namespaces/{metadata['namespace']}/suggestions"
        there = self._wire.find(f"{path}/{metadata['name']}")
        if there is not None:
            return {**_TYPE, "kind": "Suggestion", **there}
        spec = experiment["spec"]
        body: Object = {
            **_TYPE,
            "kind": "Suggestion",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "spec": {"algorithm": spec["algorithm"], "requests": 0, "resumePolicy": spec["resumePolicy"]},
        }
        if "earlyStopping" in spec:
            body["spec"] |= {"earlyStopping": spec["earlyStopping"]}
        made = {**_TYPE, "kind": "Suggestion", **self._wire.send("POST", path, self._owned(body, experiment))}
        status: Object = {"startTime": now(), "completionTime": None}
        made = self._mark(made, "Created", "SuggestionCreated", "Suggestion is created", status)
        if problem := services.problem(experiment):
            self._event(made, "SuggestionFailed", problem, warning=True)
            return self._mark(made, "Failed", "SuggestionFailed", problem)
        made = self._mark(made, "DeploymentReady", "DeploymentReady", "Deployment is ready")
        return self._mark(made, "Running", "SuggestionRunning", "Suggestion is running")

    def _create_trials(self, experiment: Object, suggestion: Object, trials: Sequence[Object], count: int) -> int:
        metadata = experiment["metadata"]
        status = suggestion["status"]
        proposed: list[Object] = status.get("suggestions") or []
        by_name = {trial["metadata"]["name"]: trial for trial in trials}
        past = [_past(each, by_name.get(each["name"])) for each in proposed]
        try:
            drawn = services.propose(experiment, past, count, bool(proposed), self._random)
        except services.ServiceFailed as error:
            self._say_once(suggestion, "ReconcileError", f"Failed to reconcile: {error}")
            self._soon(metadata["namespace"], metadata["name"], 1)
            return 1
        rules = self._rules(experiment, trials)
        made: list[Object] = []
        for assignments in drawn:
            name = f"{metadata['name']}-{''.join(self._random.choices(_SUFFIX, k=8))}"
            listed = [{"name": key, "value": value} for key, value in assignments.items()]
            made.append(
                {"name": name, "parameterAssignments": listed, **({"earlyStoppingRules": rules} if rules else {})}
            )
        if not made:
            return 0
        everything = [*proposed, *made]
        path = f"{API}/namespaces/{metadata['namespace']}/suggestions/{metadata['name']}"
        self._wire.patch(path, {"spec": {"requests": len(everything)}})
        self._wire.patch(f"{path}/status", {"status": {"suggestions": everything, "suggestionCount": len(everything)}})
        for assignment in made:
            try:
                trial = self._trial(experiment, assignment)
            except ValueError as error:
                self._say_once(experiment, "ReconcileError", f"Failed to reconcile: {error}")
                return 1
            self._wire.send("POST", f"{API}/namespaces/{metadata['namespace']}/trials", trial)
        return len(made)

    def _rules(self, experiment: Object, trials: Sequence[Object]) -> list[Object]:
        """Return the rules of medianstop for new trials: the mean over trials of the mean of their first values."""
        stopping = experiment["spec"].get("earlyStopping")
        if stopping is None:
            return []
        settings = {each["name"]: int(each["value"]) for each in stopping.get("algorithmSettings") or []}
        start, least = settings.get("start_step", 4), settings.get("min_trials_required", 3)
        objective = experiment["spec"]["objective"]
        name = objective["objectiveMetricName"]
        means: list[float] = []
        for trial in trials:
            if state_of(trial) == "Succeeded":
                reports = self.database.get(trial["metadata"]["name"], [])
                values = [v for report in reports if report.name == name and (v := number(report.value)) is not None]
                if values[:start]:
                    means.append(sum(values[:start]) / len(values[:start]))
        if len(means) < least:
            return []
        comparison = "greater" if objective["type"] == "minimize" else "less"
        value = str(sum(means) / len(means))
        return [{"name": name, "value": value, "comparison": comparison, "startStep": start}]

    def _trial(self, experiment: Object, assignment: Object) -> Object:
        metadata, spec = experiment["metadata"], experiment["spec"]
        template = spec["trialTemplate"]
        run = substituted(template, assignment, metadata["namespace"])
        body: Object = {
            **_TYPE,
            "kind": "Trial",
            "metadata": {
                "name": assignment["name"],
                "namespace": metadata["namespace"],
                "labels": {**(metadata.get("labels") or {}), LABEL: metadata["name"]},
                "finalizers": ["clean-metrics-in-db"],
            },
            "spec": {
                "objective": spec["objective"],
                "parameterAssignments": assignment["parameterAssignments"],
                "metricsCollector": spec["metricsCollectorSpec"],
                "runSpec": run,
                "retainRun": template.get("retain", False),
                "primaryContainerName": template["primaryContainerName"],
                "primaryPodLabels": template.get("primaryPodLabels") or {},
                "successCondition": template["successCondition"],
                "failureCondition": template["failureCondition"],
            },
        }
        if "earlyStoppingRules" in assignment:
            body["spec"]["earlyStoppingRules"] = assignment["earlyStoppingRules"]
        return self._owned(body, experiment)

    # -- writing ----------------------------------------------------------------------------------------------------

    def _mark(self, item: Object, kind: str, reason: str, message: str, also: Object | None = None) -> Object:
        """Add a condition, the newest last; those that tell of other states become False, and a Running ends."""
        conditions: list[Object] = (item.get("status") or {}).get("conditions") or []
        others = [
            {**each, "status": "False"} if each["type"] in ("Running", "Restarting", "Succeeded") else each
            for each in conditions
            if each["type"] != kind
        ]
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        times = {"lastUpdateTime": now(), "lastTransitionTime": now()}
        status = {**(also or {}), "conditions": [*others, {**condition, **times}]}
        plural = item["kind"].lower() + "s"
        stored = self._wire.patch(_path(item, plural) + "/status", {"status": status})
        return {**_TYPE, "kind": item["kind"], **stored}

    def _event(self, about: Object, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(self._wire, about, f"{about['kind'].lower()}-controller", reason, message, warning=warning)

    def _say_once(self, about: Object, reason: str, message: str) -> None:
        if (about["metadata"]["uid"], message) not in self._told:
            self._told.add((about["metadata"]["uid"], message))
            self._event(about, reason, message, warning=True)


def substituted(template: Mapping[str, Any], assignment: Mapping[str, Any], namespace: str) -> Object:
    """Return a trial's TrainJob: the template as JSON text, with the values put in as text, and read again.

    Raises:
        ValueError: As Katib says when values and parameters do not belong together, or the text is no JSON any more.
    """
    text = json.dumps(template["trialSpec"], ensure_ascii=False)
    values = {each["name"]: each["value"] for each in assignment["parameterAssignments"]}
    spec = template["trialSpec"]
    metas = {
        "${trialSpec.Name}": assignment["name"],
        "${trialSpec.Namespace}": namespace,
        "${trialSpec.Kind}": spec["kind"],
        "${trialSpec.APIVersion}": spec["apiVersion"],
    }
    metadata = spec.get("metadata") or {}
    for word in ("Labels", "Annotations"):
        metas |= {f"${{trialSpec.{word}[{key}]}}": value for key, value in (metadata.get(word.lower()) or {}).items()}
    ordinary = [each for each in template["trialParameters"] if each["reference"] not in metas]
    if len(values) != len(ordinary):
        raise ValueError(
            f"Number of TrialAssignment: {len(values)} != number of nonMetaTrialTemplateParameters: {len(ordinary)}"
        )
    for parameter in template["trialParameters"]:
        value = metas.get(parameter["reference"], values.get(parameter["reference"]))
        if value is None:
            raise ValueError(f"Unable to find parameter: {parameter['reference']} in parameter assignment {values}")
        text = text.replace(f"${{trialParameters.{parameter['name']}}}", value)
    try:
        run: Object = json.loads(text)
    except ValueError as error:
        raise ValueError(f"ConvertStringToUnstructured failed: {error}") from error
    run["metadata"] = {**(run.get("metadata") or {}), "name": assignment["name"], "namespace": namespace}
    return run


def state_of(item: Mapping[str, Any]) -> str:
    """Return the type of the newest condition that is True; empty for none."""
    return str(_newest(item).get("type", ""))


def _newest(item: Mapping[str, Any]) -> Object:
    conditions = (item.get("status") or {}).get("conditions") or []
    return next((each for each in reversed(conditions) if each["status"] == "True"), {})


def _past(assignment: Object, trial: Object | None) -> services.Past:
    values = {each["name"]: each["value"] for each in assignment["parameterAssignments"]}
    state = "" if trial is None else state_of(trial)
    told = trial is not None and state in ("Succeeded", "EarlyStopped")
    value = number(objective_text(trial)) if told and trial is not None else None
    return services.Past(values, value, state in _ENDS)


def _path(item: Mapping[str, Any], plural: str) -> str:
    return f"{API}/namespaces/{item['metadata']['namespace']}/{plural}/{item['metadata']['name']}"
