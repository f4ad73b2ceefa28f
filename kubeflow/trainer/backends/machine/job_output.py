"""Where jobs of this machine leave what they make: a folder of the job's own, or the one that `output=` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kubeflow.core.artifact import Artifact, ArtifactKind
from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord
from kubeflow.trainer.backends.machine.details import read_details
from kubeflow.trainer.errors import NoJobOutput
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.outputs import OUTPUT
from kubeflow.trainer.types.trainers import TrainerType


def with_output(spec: JobSpec, places: Places) -> JobSpec:
    """Make the folder of a job's output, and return the job with the variable that names it.

    A runtime's own trainer makes its folder itself and reads no variable.

    A URI that is no path goes to the function as it is: nothing is made, and the function writes there itself.

    Args:
        spec: The job.
        places: Where its files are.

    Raises:
        InvalidInput: The folder cannot be made.
    """
    if spec.runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER:
        return spec
    if spec.output is not None and spec.output.scheme != "file":
        return replace(spec, env={**spec.env, OUTPUT: spec.output.uri})
    folder = output_folder(spec, places)
    make_output_folder(folder)
    return replace(spec, env={**spec.env, OUTPUT: str(folder)})


def make_output_folder(folder: Path) -> None:
    """Make the folder of a job's output.

    Raises:
        InvalidInput: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder {str(folder)!r}, which output= names, cannot be made: {error.strerror or error}. Name another "
            "one, or leave output= out for a folder of the job's own."
        ) from error


def output_folder(spec: JobSpec, places: Places) -> Path:
    """Return the folder of this machine that a job writes to.

    Raises:
        InvalidInput: It writes to a URI that is none.
    """
    return places.output if spec.output is None else spec.output.path


def recorded_output(record: JobRecord) -> Artifact:
    """Return the output of a job that has ended.

    Raises:
        NoJobOutput: The job has written nothing, or what it wrote is not there any more.
    """
    return left_output(record, read_details(record.details).output, "model")


def left_output(
    record: JobRecord, given: Artifact | None, kind: ArtifactKind, missing: type[NoJobOutput] = NoJobOutput
) -> Artifact:
    """Return what a job that has ended left behind, whatever kind of job it is.

    Args:
        record: The job.
        given: Where it was told to write; `None` is its own folder.
        kind: What its own folder holds.
        missing: The error for a job that has left nothing.

    Raises:
        NoJobOutput: The job has written nothing, or what it wrote is not there any more.
    """
    output = Artifact.at(Places(record.directory).output, kind) if given is None else given
    _check_there(record.name, output, missing)
    lineage: Mapping[str, str] = {"job": record.name, "job_uid": record.directory.name}
    return replace(output, metadata={**output.metadata, **lineage})


def _check_there(name: str, output: Artifact, missing: type[NoJobOutput]) -> None:
    if output.scheme != "file":  # whoever reads it has the credentials for that
        return
    folder = output.path
    if not folder.exists():
        raise missing(name, f"{folder} is not there any more", "Run it again, or look for who deleted it.")
    if folder.is_dir() and not any(folder.iterdir()):
        raise missing(
            name,
            f"its function wrote nothing into {folder}",
            f'Write below os.environ["{OUTPUT}"]: the folder is there when the function starts.',
        )
