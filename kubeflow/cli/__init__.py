"""The command `kubeflow`: `main` is its entry point. `kubeflow --help` loads neither typer nor a client."""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.cli.program import main
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(__name__, {"program": ("main",)})

__all__ = ["main"]
