"""The output of a job of a cluster: what its object says of it."""

from __future__ import annotations

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
    text = (metadata.annotations or {}).get(OUTPUT_ANNOTATION)
    if text is None:
        raise NoJobOutput(
            name,
            "it was given no output=, and what pods write to their own disks goes with them",
            f"Train with output='s3://...', which the function writes to itself ({OUTPUT} holds it), or with "
            "output='pvc://<claim>/<folder>', which is mounted.",
        )
    output = read_output(text)
    return replace(output, metadata={**output.metadata, "job": name, "job_uid": metadata.uid or ""})
