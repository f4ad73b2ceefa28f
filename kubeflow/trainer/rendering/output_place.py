"""The output of a job on a cluster: a variable, the folder of a claim where it is one, and an annotation."""

from __future__ import annotations

from dataclasses import replace

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.outputs import CLAIM_MOUNT, CLAIM_SCHEME, OUTPUT, claim_of, output_text
from kubeflow.trainer.options._storage import VolumeClaim

OUTPUT_ANNOTATION = "sdk.kubeflow.org/output"
"""On a TrainJob: its output, as JSON. `TrainerClient.get_job_output` reads it."""


def with_output_place(spec: JobSpec) -> JobSpec:
    """Return a job whose nodes know where to write, and whose object says so.

    Nothing is uploaded for them: a claim is mounted, and to any other URI the function writes itself.

    Raises:
        InvalidInput: The output is a path of this machine.
    """
    output = spec.output
    if output is None:
        return spec
    if output.scheme == "file":
        raise InvalidInput(
            f"output={str(output.path)!r} is a path of this machine, which no cluster can write to: give "
            "output='s3://...', which the function writes to itself, or 'pvc://<claim>/<folder>', which is mounted."
        )
    place = output.uri
    if output.scheme == CLAIM_SCHEME:
        claim, folder = claim_of(output)
        spec = VolumeClaim(claim, CLAIM_MOUNT, sub_path=folder or None).apply(spec)
        place = CLAIM_MOUNT
    return replace(
        spec,
        env={**spec.env, OUTPUT: place},
        annotations={**spec.annotations, OUTPUT_ANNOTATION: output_text(output)},
    )
