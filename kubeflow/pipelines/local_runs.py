"""Pipelines on this machine: kfp runs their components, and the state directory has what they leave."""

from __future__ import annotations

import os

from kubeflow.local.state import state_dir
from kubeflow.pipelines.kfp_parts import kfp_module

_BACKEND = "KUBEFLOW_BACKEND"
_PIPELINES = "pipelines"  # below the state directory


def local(
    *,
    state: str | os.PathLike[str] | None = None,
    backend: str | None = "localprocess",
    raise_on_error: bool = True,
) -> None:
    """Have components and pipelines run on this machine when they are called: `kfp.local` with processes.

    Components run in this Python, so what they import must be installed for it. kfp installs the packages that a
    component names into it. What kfp.local itself leaves out stays left out: resources, retries, secrets, and
    components that are containers.

    Args:
        state: The state directory; `pipelines` below it keeps what steps leave. Default: `KUBEFLOW_STATE_DIR`, else the
            place where jobs of this machine are kept.
        backend: Where the clients in components work that name no backend: what the environment variable
            `KUBEFLOW_BACKEND` of this process is set to, unless it is set. `None` leaves it alone.
        raise_on_error: Whether a step that fails raises. Otherwise the run goes on as kfp does it.

    Raises:
        MissingExtra: kfp is not installed.

    Example:
        >>> pipelines.local()
        >>> my_pipeline(epochs=3).output
    """
    runs = kfp_module("local")
    places = state_dir(state) / _PIPELINES
    places.mkdir(parents=True, exist_ok=True)
    if backend is not None:
        os.environ.setdefault(_BACKEND, backend)
    runs.init(
        runner=runs.SubprocessRunner(use_venv=False),
        pipeline_root=str(places),
        workspace_root=str(places / "workspace"),
        raise_on_error=raise_on_error,
    )
