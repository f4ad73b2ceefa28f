"""Names and defaults that users may refer to; they live in `kubeflow.trainer.constants.constants`."""

from kubeflow.trainer.constants import constants

__all__ = ["constants"]
