"""Objects as an API server returns them, to parse and dump: TrainJobs, a runtime, an experiment."""

from collections.abc import Iterable

JSON = dict[str, object]

_API = "trainer.kubeflow.org/v1alpha1"
_STAMP = "2026-03-02T09:15:00Z"


def small_train_job() -> JSON:
    """A job straight after its submission, as most calls see it."""
    return {
        "apiVersion": _API,
        "kind": "TrainJob",
        "metadata": _metadata("digits"),
        "spec": {
            "runtimeRef": _runtime_ref("torch-distributed"),
            "trainer": {
                "numNodes": 2,
                "command": ["bash", "-c"],
                "args": ["exec torchrun train.py --epochs=3"],
                "env": [{"name": "OMP_NUM_THREADS", "value": "4"}],
                "resourcesPerNode": {"requests": {"cpu": "4", "memory": "8Gi"}},
            },
            "suspend": False,
            "managedBy": "trainer.kubeflow.org/trainjob-controller",
        },
    }


def large_train_job() -> JSON:
    """A running fine-tuning job with initializers, patches for three replicated jobs, and a full status."""
    steps = ("dataset-initializer", "model-initializer", "node")
    return {
        "apiVersion": _API,
        "kind": "TrainJob",
        "metadata": _metadata("llama-finetune", managers=("sdk", "trainer-controller", "kueue")),
        "spec": {
            "runtimeRef": _runtime_ref("torchtune-llama3.2-3b"),
            "initializer": {
                "dataset": _initializer("hf://corpora/instructions"),
                "model": _initializer("hf://models/llama-3.2-3b"),
            },
            "trainer": {
                "image": "registry.example.com/training/torch:2.13",
                "command": ["bash", "-c"],
                "args": [f"exec torchrun train.py --stage={stage} --bundle={'QUJD' * 250}" for stage in range(8)],
                "env": _env(40),
                "numNodes": 16,
                "numProcPerNode": 8,
                "resourcesPerNode": _resources("96", "1Ti", gpus="8"),
            },
            "runtimePatches": [
                _patch("platform.example.com/placement", steps),
                _patch("ml.example.com/data", steps),
            ],
            "activeDeadlineSeconds": 86400,
            "suspend": False,
            "managedBy": "trainer.kubeflow.org/trainjob-controller",
        },
        "status": {
            "conditions": [_condition(kind) for kind in ("Suspended", "Complete")],
            "jobsStatus": [
                {"name": step, "ready": 1, "succeeded": 0, "failed": 0, "active": 1, "suspended": 0} for step in steps
            ],
            "trainerStatus": {
                "progressPercentage": 42,
                "estimatedRemainingSeconds": 5400,
                "metrics": [{"name": f"loss/{index}", "value": str(2 / (index + 1))} for index in range(20)],
                "lastUpdatedTime": _STAMP,
            },
        },
    }


def cluster_training_runtime() -> JSON:
    """A runtime with three replicated jobs that wait for each other."""
    return {
        "apiVersion": _API,
        "kind": "ClusterTrainingRuntime",
        "metadata": {
            key: value for key, value in _metadata("finetune", managers=("kubectl",)).items() if key != "namespace"
        },
        "spec": {
            "mlPolicy": {"numNodes": 4, "torch": {}},
            "podGroupPolicy": {"coscheduling": {"scheduleTimeoutSeconds": 120}},
            "template": {
                "metadata": {"labels": {"team": "nlp"}},
                "spec": {
                    "failurePolicy": {"maxRestarts": 3},
                    "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
                    "replicatedJobs": [
                        _replicated_job("dataset-initializer"),
                        _replicated_job("model-initializer", after=("dataset-initializer",)),
                        _replicated_job("node", after=("dataset-initializer", "model-initializer")),
                    ],
                },
            },
        },
    }


def _metadata(name: str, managers: Iterable[str] = ()) -> JSON:
    metadata: JSON = {
        "name": name,
        "namespace": "research",
        "uid": "6f1c2f0a-9a5e-4a37-8f0e-0d7b8f1f2a11",
        "resourceVersion": "184467",
        "generation": 2,
        "creationTimestamp": _STAMP,
        "labels": {"app.kubernetes.io/name": name, "team": "nlp"},
        "annotations": {"example.com/owner": "someone@example.com"},
    }
    entries = [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": _API,
            "time": _STAMP,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {f"f:field{index}": {".": {}, "f:value": {}} for index in range(12)}},
        }
        for manager in managers
    ]
    return metadata | {"managedFields": entries} if entries else metadata


def _runtime_ref(name: str) -> JSON:
    return {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": name}


def _initializer(uri: str) -> JSON:
    return {"storageUri": uri, "secretRef": {"name": "hub-token"}, "env": _env(4)}


def _env(count: int) -> list[JSON]:
    plain: list[JSON] = [{"name": f"SETTING_{index}", "value": f"value-{index}"} for index in range(count)]
    secret: JSON = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "hub"}}}
    return [*plain, secret]


def _resources(cpu: str, memory: str, *, gpus: str | None = None) -> JSON:
    amounts = {"cpu": cpu, "memory": memory} | ({"nvidia.com/gpu": gpus} if gpus else {})
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _condition(kind: str) -> JSON:
    return {
        "type": kind,
        "status": "False",
        "reason": f"{kind}ByController",
        "message": f"{kind} was evaluated by the controller",
        "lastTransitionTime": _STAMP,
    }


def _patch(manager: str, steps: Iterable[str]) -> JSON:
    jobs = [
        {
            "name": step,
            "template": {
                "metadata": {"labels": {"step": step}},
                "spec": {"template": {"metadata": {"annotations": {"step": step}}, "spec": _pod_patch(step)}},
            },
        }
        for step in steps
    ]
    spec = {"template": {"metadata": {"labels": {"queue": "gold"}}, "spec": {"replicatedJobs": jobs}}}
    return {"manager": manager, "time": _STAMP, "trainingRuntimeSpec": spec}


def _pod_patch(container: str) -> JSON:
    return {
        "serviceAccountName": "trainer",
        "nodeSelector": {"pool": "a100", "zone": "a"},
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _gpu_nodes()}},
        "tolerations": _tolerations(),
        "volumes": _volumes(),
        "containers": [
            {
                "name": container,
                "volumeMounts": _volume_mounts(),
                "securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        "imagePullSecrets": [{"name": "registry"}],
    }


def _gpu_nodes() -> JSON:
    expression = {"key": "gpu.example.com/model", "operator": "In", "values": ["a100", "h100"]}
    return {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}


def experiment() -> JSON:
    """A running Katib experiment over a TrainJob."""
    parameters: list[JSON] = [
        {
            "name": f"p{index}",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.001", "max": "0.1", "distribution": "logUniform"},
        }
        for index in range(6)
    ]
    counts = {"trials": 12, "trialsRunning": 4, "trialsSucceeded": 8}
    trial = {"bestTrialName": "tune-abc", "parameterAssignments": [{"name": "p0", "value": "0.01"}]}
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": _metadata("tune"),
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1},
            "algorithm": {"algorithmName": "tpe", "algorithmSettings": [{"name": "random_state", "value": "1"}]},
            "parameters": parameters,
            "parallelTrialCount": 4,
            "maxTrialCount": 40,
            "trialTemplate": {
                "primaryContainerName": "node",
                "trialParameters": [{"name": p["name"], "reference": p["name"]} for p in parameters],
                "trialSpec": small_train_job(),
            },
        },
        "status": {
            **counts,
            "startTime": _STAMP,
            "runningTrialList": ["tune-a", "tune-b", "tune-c", "tune-d"],
            "currentOptimalTrial": {
                **trial,
                "observation": {"metrics": [{"name": "loss", "min": "0.2", "max": "0.9", "latest": "0.3"}]},
            },
            "conditions": [
                {"type": "Created", "status": "True", "reason": "ExperimentCreated", "lastUpdateTime": _STAMP},
                {"type": "Running", "status": "True", "reason": "ExperimentRunning", "lastTransitionTime": _STAMP},
            ],
        },
    }


def _tolerations() -> list[JSON]:
    timed: list[JSON] = [
        {"key": f"taint-{index}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for index in range(3)
    ]
    return [{"key": "gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}, *timed]


def _volumes() -> list[JSON]:
    return [
        {"name": "data", "persistentVolumeClaim": {"claimName": "corpus", "readOnly": True}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}},
        {"name": "config", "configMap": {"name": "recipes", "items": [{"key": "lora", "path": "lora.yaml"}]}},
    ]


def _volume_mounts() -> list[JSON]:
    return [
        {"name": "data", "mountPath": "/data", "readOnly": True},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "config", "mountPath": "/etc/recipes"},
    ]


def _replicated_job(name: str, after: Iterable[str] = ()) -> JSON:
    pod: JSON = {
        "restartPolicy": "Never",
        "serviceAccountName": "trainer",
        "containers": [_container(name)],
        "initContainers": [_container(f"{name}-prepare")],
        "tolerations": _tolerations(),
        "volumes": _volumes(),
        "securityContext": {"fsGroup": 1000, "runAsNonRoot": True},
    }
    template = {
        "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": name}},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"step": name}}, "spec": pod}},
    }
    job: JSON = {"name": name, "replicas": 1, "groupName": "default", "template": template}
    waits = [{"name": other, "status": "Complete"} for other in after]
    return job | {"dependsOn": waits} if waits else job


def _container(name: str) -> JSON:
    return {
        "name": name,
        "image": "registry.example.com/training/torch:2.13",
        "command": ["python", "-m", "step"],
        "args": ["--verbose", f"--name={name}"],
        "env": _env(10),
        "ports": [{"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
        "resources": _resources("8", "64Gi", gpus="2"),
        "volumeMounts": _volume_mounts(),
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": 9090},
            "periodSeconds": 5,
            "failureThreshold": 6,
        },
        "imagePullPolicy": "IfNotPresent",
    }
