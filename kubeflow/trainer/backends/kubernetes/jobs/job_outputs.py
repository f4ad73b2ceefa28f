"""The output of a job of a cluster: what its object says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster.wire import only
from kubeflow.core.artifact import Artifact
from kubeflow.trainer.errors import NoJobOutput
from kubeflow.trainer.jobs.outputs import OUTPUT, read_output
from kubeflow.trainer.rendering.output_place import OUTPUT_ANNOTATION


def named_output(name: str, job: TrainJob) -> Artifact:
    """Return the output that a TrainJob names, with its name and uid as metadata.

    Raises:
        NoJobOutput: It names none: what a pod writes to its own disk goes with the pod.
        InvalidInput: What it names is none.
    """
    metadata = only(ObjectMeta, job.metadata) or ObjectMeta()
    return annotated_output(name, metadata.annotations or {}, metadata.uid or "")


def annotated_output(
    name: str, annotations: Mapping[str, str], uid: str, missing: type[NoJobOutput] = NoJobOutput
) -> Artifact:
    """Return the output that an object names by its annotations, whatever kind of job it is.

    Args:
        name: The job.
        annotations: Those of its object.
        uid: What tells the job from others of its name.
        missing: The error for a job that names none.

    Raises:
        NoJobOutput: It names none: what a pod writes to its own disk goes with the pod.
        InvalidInput: What it names is none.
    """
    text = annotations.get(OUTPUT_ANNOTATION)
    if text is None:
        raise missing(
            name,
            "it was given no output=, and what pods write to their own disks goes with them",
            f"Give output='s3://...', which the function writes to itself ({OUTPUT} holds it), or with "
            "output='pvc://<claim>/<folder>', which is mounted.",
        )
    output = read_output(text)
    return replace(output, metadata={**output.metadata, "job": name, "job_uid": uid})
