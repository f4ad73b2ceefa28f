"""Where a Spark job leaves what it makes: `process_data(output=)`, and the variable by which its function sees it."""

from __future__ import annotations

from dataclasses import replace

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.spark.jobs.spark_spec import MAIN_CONTAINER, Role, SparkSpec, Wire
from kubeflow.trainer.jobs.outputs import CLAIM_MOUNT, CLAIM_SCHEME, OUTPUT, as_output, claim_of

OUTPUT_ANNOTATION = "sdk.kubeflow.org/output"
_VOLUME = "kubeflow-output"
_ROLES: tuple[Role, ...] = ("driver", "executor")


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
    """Return a job of a cluster with the variable that names its output; a claim is mounted.

    Raises:
        InvalidInput: It is a folder of this machine.
    """
    output = spec.output
    if output is None:
        return spec
    if output.scheme == "file":
        raise InvalidInput(
            f"output={output.uri!r} is a folder of this machine, which the pods of a cluster do not see: name a place "
            "that they do, like 's3://bucket/folder' or 'pvc://claim/folder'."
        )
    if output.scheme != CLAIM_SCHEME:
        return replace(spec, env={**spec.env, OUTPUT: output_address(output)})
    claim, folder = claim_of(output)
    mount: Wire = {"name": _VOLUME, "mountPath": CLAIM_MOUNT, **({"subPath": folder} if folder else {})}
    pod: Wire = {
        "volumes": [{"name": _VOLUME, "persistentVolumeClaim": {"claimName": claim}}],
        "containers": [{"name": MAIN_CONTAINER, "volumeMounts": [mount]}],
    }
    pods = (*spec.pods, *((role, pod) for role in _ROLES))
    return replace(spec, env={**spec.env, OUTPUT: CLAIM_MOUNT}, pods=pods)
