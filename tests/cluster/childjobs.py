"""The Jobs of a JobSet as JobSet makes them: names, labels and defaults. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]

GROUP = "jobset.sigs.k8s.io"


def child_job(
    jobset: Mapping[str, Any], all_jobs: Sequence[Object], replicated: Object, place: int, attempt: int
) -> Object:
    """Return one Job of a JobSet.

    Args:
        jobset: The JobSet, as the server has it.
        all_jobs: Its replicated jobs.
        replicated: The replicated job that the Job is of.
        place: Which of its Jobs it is.
        attempt: How often the JobSet was started again.
    """
    metadata = jobset["metadata"]
    labels = _labels(metadata, all_jobs, replicated, place, attempt)
    template = replicated["template"]
    given = template.get("metadata") or {}
    pod = template["spec"]["template"]
    owner = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet"}
    owner |= {"name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{metadata['name']}-{replicated['name']}-{place}",
            "namespace": metadata["namespace"],
            **_with(given, labels),
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {
            **{key: value for key, value in template["spec"].items() if key != "template"},
            "template": {
                "metadata": _with(pod.get("metadata") or {}, labels),
                "spec": {"subdomain": metadata["name"], **pod["spec"]},
            },
        },
    }


def _labels(
    metadata: Mapping[str, Any], all_jobs: Sequence[Object], replicated: Object, place: int, attempt: int
) -> dict[str, str]:
    name = f"{metadata['name']}-{replicated['name']}-{place}"
    before = all_jobs[: all_jobs.index(replicated)]
    labels = {
        "jobset-name": metadata["name"],
        "jobset-uid": metadata["uid"],
        "replicatedjob-name": replicated["name"],
        "replicatedjob-replicas": str(replicated.get("replicas", 1)),
        "global-replicas": str(_replicas(all_jobs)),
        "job-index": str(place),
        "job-global-index": str(_replicas(before) + place),
        "job-key": hashlib.sha1(f"{metadata['namespace']}/{name}".encode()).hexdigest(),
        "restart-attempt": str(attempt),
    }
    if (group := replicated.get("groupName")) is not None:
        labels["group-name"] = group
        labels["group-replicas"] = str(_replicas(_of_group(all_jobs, group)))
        labels["job-group-index"] = str(_replicas(_of_group(before, group)) + place)
    return {f"{GROUP}/{key}": value for key, value in labels.items()}


def _of_group(jobs: Sequence[Object], group: str) -> list[Object]:
    return [job for job in jobs if job.get("groupName") == group]


def _replicas(jobs: Sequence[Object]) -> int:
    return sum(job.get("replicas", 1) for job in jobs)


def _with(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    return {field: {**(metadata.get(field) or {}), **labels} for field in ("labels", "annotations")}
