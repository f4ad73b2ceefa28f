"""Where a Spark job leaves what it makes: `process_data(output=)`, and the variable by which its function sees it."""

from __future__ import annotations

from dataclasses import replace

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.spark.jobs.option_order import with_options
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.trainer.jobs.outputs import CLAIM_MOUNT, CLAIM_SCHEME, OUTPUT, as_output, claim_of, output_text


def spark_output(given: object) -> Artifact | None:
    """Return what `process_data(output=)` was given as an artifact, a dataset unless it says otherwise.

    Raises:
        InvalidInput: It is neither a URI, nor a path, nor an `Artifact`.
    """
    output = as_output(given)
    return output if output is None or isinstance(given, Artifact) else replace(output, kind="dataset")


def output_address(output: Artifact) -> str:
    """Return where the program writes to: the URI as it is, but for S3, of which Spark knows the scheme `s3a`."""
    return f"s3a{output.uri[2:]}" if output.scheme == "s3" else output.uri


def with_output_mount(spec: SparkSpec) -> SparkSpec:
    """Return a job of a cluster whose pods know where to write, and whose object says so. A claim is mounted.

    Raises:
        InvalidInput: It is a folder of this machine.
    """
    from kubeflow.trainer.options import VolumeClaim
    from kubeflow.trainer.rendering.output_place import OUTPUT_ANNOTATION

    output = spec.output
    if output is None:
        return spec
    if output.scheme == "file":
        raise InvalidInput(
            f"output={output.uri!r} is a folder of this machine, which the pods of a cluster do not see: name a place "
            "that they do, like 's3://bucket/folder' or 'pvc://claim/folder'."
        )
    place = output_address(output)
    if output.scheme == CLAIM_SCHEME:
        claim, folder = claim_of(output)
        spec = with_options(spec, [VolumeClaim(claim, CLAIM_MOUNT, sub_path=folder or None)])
        place = CLAIM_MOUNT
    return replace(
        spec,
        env={**spec.env, OUTPUT: place},
        annotations={**spec.annotations, OUTPUT_ANNOTATION: output_text(output)},
    )
