"""A TrainJob in the form of each Trainer minor. Pure: nothing is read, asked or sent.

Jobs are rendered in the newest form. Older controllers have the same things elsewhere, or not at all; their fields are
not in the generated models and ride along as unknown ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.options._fragments import in_words
from kubeflow.trainer.options._merging import Json, at, merge

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

NEWEST = "2.3"

# First minor whose patches have a field of a pod, and of a container in it; the others have been there since 2.0.
# Facts of the CRDs of Trainer 2.0 to 2.3.
_PODS_SINCE = {
    "affinity": "2.1",
    "imagePullSecrets": "2.1",
    "securityContext": "2.2",
    "terminationGracePeriodSeconds": "2.3",
}
_CONTAINERS_SINCE = {"securityContext": "2.2"}


@dataclass(frozen=True, slots=True)
class PodPatch:
    """What a TrainJob changes of the pods of one job of its runtime, in whatever form it is.

    Attributes:
        path: Where it stands.
        job: The job of the runtime.
        pod: The fields of the pod, in wire names.
    """

    path: str
    job: str
    pod: Json


def minor_of(version: str) -> str:
    """Return the minor of a version of Trainer: `2.1` for `2.1`, `v2.1` and `v2.1.3`.

    Raises:
        InvalidInput: When it is none that this SDK knows.
    """
    from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

    return AVAILABILITY.minor(version)


def for_minor(job: v1alpha1.TrainJob, minor: str) -> v1alpha1.TrainJob:
    """Return `job`, which is in the newest form, in the form of another minor.

    Args:
        job: The TrainJob; it is not changed.
        minor: Of Trainer, like `"2.1"`; a patch number is ignored.

    Raises:
        InvalidInput: When that minor cannot say all of it: each field, since when it exists, and what to do.
    """
    minor = minor_of(minor)
    missing: list[str] = []
    if minor in ("2.0", "2.1"):
        job = _older(job, minor, missing)
    missing += unavailable(job, minor)
    if missing:
        listed = "".join(f"\n- {each}" for each in dict.fromkeys(missing))
        raise InvalidInput(
            f"Trainer {minor} cannot run this job, which needs a newer one:{listed}\n"
            "Leave these out, or ask for the cluster's Trainer to be upgraded."
        )
    return job


def unavailable(job: v1alpha1.TrainJob, minor: str) -> list[str]:
    """Return what `job`, in the form of `minor`, says and `minor` does not know; each in words."""
    from kubeflow_api.trainer.v1alpha1 import check

    found = [str(each) for each in check(job, minor)]
    if minor in ("2.0", "2.1"):
        for patch in pod_patches(job):
            found += _missing(patch, minor)
    return found


def pod_patches(job: v1alpha1.TrainJob) -> list[PodPatch]:
    """Return what `job` changes of its pods, in order; for all three forms that TrainJobs have had."""
    spec = cast(Json, job.to_dict().get("spec") or {})
    found: list[PodPatch] = []
    for index, entry in enumerate(cast("list[Json]", spec.get("runtimePatches") or [])):
        jobs = at(entry, "trainingRuntimeSpec", "template", "spec").get("replicatedJobs")
        for number, patch in enumerate(cast("list[Json]", jobs or [])):
            path = f"spec.runtimePatches[{index}].trainingRuntimeSpec.template.spec.replicatedJobs[{number}]"
            found.append(PodPatch(path, str(patch.get("name")), at(patch, "template", "spec", "template", "spec")))
    for field, inner in (("podTemplateOverrides", ("spec",)), ("podSpecOverrides", ())):
        for index, entry in enumerate(cast("list[Json]", spec.get(field) or [])):
            for target in cast("list[Json]", entry.get("targetJobs") or []):
                pod = {key: value for key, value in at(entry, *inner).items() if key != "targetJobs"}
                found.append(PodPatch(f"spec.{field}[{index}]", str(target.get("name")), pod))
    return found


def from_yaml(text: str) -> v1alpha1.TrainJob:
    """Return the TrainJob that a YAML document holds, in the form of any minor; strict like `TrainJob.from_yaml`.

    Raises:
        InvalidInput: When it is not one YAML mapping, or does not fit the schema: each wrong field, in words.
    """
    from kubeflow.core import yaml_text

    with in_words("The YAML"):
        return yaml_text.read_object(text, "TrainJob", _from_dict)


def _from_dict(values: Mapping[str, object]) -> v1alpha1.TrainJob:
    from kubeflow_api.trainer.v1alpha1 import TrainJob

    overridden = values.get("apiVersion") == constants.API_VERSION != TrainJob.API_VERSION
    known = {**values, "apiVersion": TrainJob.API_VERSION} if overridden else values
    job = TrainJob.from_dict(known, minor=_minor_with(values.get("spec")))
    return TrainJob.from_server({**job.to_dict(), "apiVersion": constants.API_VERSION}) if overridden else job


def _minor_with(spec: object) -> str | None:
    """Return the newest minor that has what of `spec` later ones removed; None when there is nothing of that."""
    if not isinstance(spec, Mapping):
        return None
    from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

    rows = [row for row in AVAILABILITY.fields[constants.TRAINJOB_KIND] if row.until]
    older = [row for row in rows if row.path.removeprefix("spec.") in spec]
    return min((row.until for row in older if row.until), key=AVAILABILITY.minors.index, default=None)


def _older(job: v1alpha1.TrainJob, minor: str, missing: list[str]) -> v1alpha1.TrainJob:
    """Return `job` with its runtime patches as 2.1 or 2.0 writes them; what it has no words for goes to `missing`."""
    from kubeflow_api.trainer.v1alpha1 import TrainJob

    values = job.to_dict()
    spec = dict(cast(Json, values.get("spec") or {}))
    together: Json = {}
    for entry in cast("list[Json]", spec.pop("runtimePatches", None) or []):
        together = merge(together, cast("Json | None", entry.get("trainingRuntimeSpec")) or {})
    if not together:
        return job
    metadata = at(together, "template", "metadata")
    spec |= {key: value for key, value in metadata.items() if key in ("labels", "annotations")}
    missing += [f"metadata.{key} of the JobSet: no minor takes it" for key in metadata if key not in spec]
    overrides = list(
        _overrides(cast("list[Json]", at(together, "template", "spec").get("replicatedJobs") or []), minor, missing)
    )
    if overrides:
        spec["podSpecOverrides" if minor == "2.0" else "podTemplateOverrides"] = overrides
    return TrainJob.from_server({**values, "spec": spec})


def _overrides(jobs: list[Json], minor: str, missing: list[str]) -> Iterator[Json]:
    for job in jobs:
        name = job["name"]
        if at(job, "template", "metadata"):
            missing.append(
                f"labels or annotations of the Job {name!r}: they came with 2.2; on='jobset' sets the JobSet's"
            )
        pods = at(job, "template", "spec", "template")
        metadata, pod = at(pods, "metadata"), at(pods, "spec")
        if minor == "2.0":
            if metadata:
                missing.append(f"labels or annotations of the pods of {name!r}: they came with 2.1")
            if pod:
                yield {"targetJobs": [{"name": name}], **pod}
        elif metadata or pod:
            parts = {"metadata": metadata, "spec": pod}
            yield {"targetJobs": [{"name": name}], **{key: part for key, part in parts.items() if part}}


def _missing(patch: PodPatch, minor: str) -> Iterator[str]:
    def since(fields: Json, table: Mapping[str, str], what: str) -> Iterator[str]:
        for field in fields:
            if table.get(field, "2.0") > minor:
                yield f"{field} of {what}: Trainer {minor} does not have it; it came with {table[field]}"

    yield from since(patch.pod, _PODS_SINCE, f"the pods of {patch.job!r}")
    for key in ("containers", "initContainers"):
        for container in cast("list[Json]", patch.pod.get(key) or []):
            what = f"container {container.get('name')!r} of {patch.job!r}"
            yield from since(container, _CONTAINERS_SINCE, what)
