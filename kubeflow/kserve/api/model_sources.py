"""From what `model=` was given to a `ServedModel`: train jobs are asked for their output, functions are packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import kubeflow
from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.types.served_models import ServedModel, located_model
from kubeflow.trainer.backends.registry import BackendConfig
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.job_name import JobName
from kubeflow.trainer.types.jobs import TrainJob


def served_model(
    model: object,
    model_format: str | None,
    *,
    service: str,
    config: BackendConfig,
    same_python: bool,
    packages_to_install: Sequence[str] | None = None,
    pip_index_urls: Sequence[str] | None = None,
    trust_pickle: bool = False,
) -> ServedModel:
    """Return the model that a service gets.

    Args:
        model: What the user gave.
        model_format: What the user gave beside it.
        service: Name of the service.
        config: Configuration of the backend: a train job is looked for there.
        same_python: True when a function runs under the Python of this process.
        packages_to_install: What a function needs, in pip's notation.
        pip_index_urls: Where that is installed from, the main index first.
        trust_pickle: True when a file may be loaded that executes code.

    Raises:
        InvalidInput: It is no model, or one that cannot be packed (`PackagingError`).
        JobNotFinished: It is a train job that is not over yet.
        JobFailed: It is a train job that has failed.
        NoJobOutput: It is a train job that has left nothing.
    """
    if isinstance(model, JobName | TrainJob):
        model = _output(cast("JobName | TrainJob", model), config)
    if (callable(model) or callable(getattr(model, "predict", None))) and not hasattr(model, "uri"):
        if model_format is not None:
            raise InvalidInput("model_format= is for files of a model, and model= is a function: leave it out.")
        return _packed(model, service, same_python, packages_to_install, pip_index_urls)
    given = {"packages_to_install": packages_to_install, "pip_index_urls": pip_index_urls}
    if wrong := [f"{argument}=" for argument, value in given.items() if value is not None]:
        raise InvalidInput(f"{' and '.join(wrong)} are for a function, and model= is none: leave them out.")
    return replace(located_model(model, model_format), trusted=trust_pickle)


def _output(job: JobName | TrainJob, config: BackendConfig) -> Artifact:
    from kubeflow.trainer.api.trainer_client import TrainerClient

    return TrainerClient(config).get_job_output(job)


def _packed(
    function: object,
    service: str,
    same_python: bool,
    packages_to_install: Sequence[str] | None,
    pip_index_urls: Sequence[str] | None,
) -> ServedModel:
    from kubeflow.kserve.server.function_entry import serve_function
    from kubeflow.packaging import bundle

    # The server around the function is this package's. On this machine it is installed already.
    own = () if same_python else (f"kubeflow[serving]=={kubeflow.__version__}",)
    packed = bundle(
        serve_function,
        args={"function": function, "model_name": service},
        same_python=same_python,
        requirements=(*own, *(packages_to_install or ())),
        index_urls=tuple(constants.DEFAULT_PIP_INDEX_URLS if pip_index_urls is None else pip_index_urls),
    )
    name = str(getattr(function, "__qualname__", type(function).__qualname__)).rpartition("<locals>.")[2]
    return ServedModel(bundle=packed, function_name=name)
