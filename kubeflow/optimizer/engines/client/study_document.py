"""What the process that drives a search needs of it, as bytes: the description of the search and where trials run.

Choices that are objects of the user's stay here: the process knows them by their places, and imports no code of theirs.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, cast

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.core.stdlib import pickle
from kubeflow.optimizer.given_trials import KnownTrial
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import decoded, encoded
from kubeflow.optimizer.types.search_spaces import CategoricalSearchSpace, Space
from kubeflow.trainer.jobs.jobspec import JobSpec

_PLAIN = (bool, int, float, str, bytes, type(None))


class UnreadableSearch(KubeflowError):
    """The description of a search cannot be read by this process.

    Remedy:
        Look at it from where it was made, with the same version of this package and the modules of its options.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The description of the search cannot be read here: {reason}. Look at it from where it was made, with the "
            "same version of this package and the modules of its options; delete_job() works here, too."
        )


@dataclass(frozen=True)
class ChoiceOfUser:
    """Stands for a choice that is no plain data, where the choice itself cannot be: by its place, shown as it was."""

    place: int
    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class StudyDocument:
    """A search, for the process that drives it.

    Attributes:
        spec: The search; choices of the user's classes are `ChoiceOfUser`.
        config: The configuration of the backend that its trials run on.
        directory: The working directory of the process that made it.
    """

    spec: OptimizationSpec
    config: object
    directory: str


def write_document(spec: OptimizationSpec, config: object) -> bytes:
    """Return a search as bytes.

    Raises:
        InvalidInput: Something in it cannot leave this process, with what to do.
    """
    space = {name: plain_space(values) for name, values in spec.space.items()}

    def moved(parameters: Any) -> dict[str, object]:
        return decoded(space, encoded(spec.space, parameters))

    plain = replace(
        spec,
        trial=_portable(spec.trial),
        space=space,
        enqueue=tuple(moved(each) for each in spec.enqueue),
        warm_start=tuple(KnownTrial(moved(each.parameters), each.metrics) for each in spec.warm_start),
    )
    document = StudyDocument(plain, config, os.getcwd())  # noqa: PTH109
    try:
        return _pickled(document)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        return _packed(document, error)


def read_document(content: bytes) -> StudyDocument:
    """Return what `write_document` wrote, in a process of this user on this machine.

    Raises:
        UnreadableSearch: It has options of a module that is not here, or another version of this package wrote it.
    """
    try:
        document: object = pickle.loads(content)  # our own file, readable by its user only
    except Exception as error:
        raise UnreadableSearch(f"{type(error).__name__}: {error}") from error
    if not isinstance(document, StudyDocument):
        raise UnreadableSearch(f"it holds a {type(document).__name__}")
    return document


def write_spaces(space: dict[str, Space]) -> bytes:
    """Return search spaces as bytes, as far as their choices can leave this process."""
    kept: dict[str, Space] = {}
    for name, values in space.items():
        try:
            _pickled(values)
        except Exception:  # noqa: BLE001 - code of the user's classes runs
            kept[name] = plain_space(values)
        else:
            kept[name] = values
    return _pickled(kept)


def read_spaces(content: bytes, plain: dict[str, Space]) -> dict[str, Space]:
    """Return search spaces with their choices where this process has their classes, else `plain`."""
    try:
        return cast("dict[str, Space]", pickle.loads(content))
    except Exception:  # noqa: BLE001 - the classes of the choices are not here, and their places are
        return plain


def plain_space(space: Space) -> Space:
    """Return a search space with what stands for choices that are no plain data."""
    if not isinstance(space, CategoricalSearchSpace):
        return space
    choices = [
        choice
        if type(choice) in _PLAIN or type(choice).__module__.startswith("kubeflow.")
        else ChoiceOfUser(place, repr(choice))
        for place, choice in enumerate(space.choices)
    ]
    return CategoricalSearchSpace(choices)


def _portable(job: JobSpec) -> JobSpec:
    """Return a job whose bundle can be pickled: what shows its files is a view of them."""
    bundle = job.bundle
    without = job.without_cluster_options
    return replace(
        job,
        bundle=None if bundle is None else replace(bundle, _files=dict(bundle.files())),
        without_cluster_options=None if without is None else _portable(without),
    )


class _StrictPickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, type | FunctionType) and obj.__module__ in ("__main__", "__mp_main__"):
            raise pickle.PicklingError(f"{obj.__qualname__} is of this notebook or script")
        return NotImplemented


def _pickled(value: object) -> bytes:
    stream = io.BytesIO()
    _StrictPickler(stream, protocol=5).dump(value)
    return stream.getvalue()


def _packed(document: StudyDocument, error: Exception) -> bytes:
    """Return a document with functions in it, such as the changes that options make of a TrainJob."""
    try:
        import cloudpickle  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise InvalidInput(
            f"The search runs in a process of its own, and part of its description cannot go there ({error}), mostly "
            "an option: pip install 'kubeflow[cloudpickle]', or leave the option out."
        ) from error
    try:
        return cast("bytes", cast("Any", cloudpickle).dumps(document))
    except Exception as problem:
        raise InvalidInput(
            f"The search runs in a process of its own, and part of its description cannot go there: {problem}. Options "
            "and configurations must be plain data: give KubernetesBackendConfig a config_file= and context=."
        ) from problem
