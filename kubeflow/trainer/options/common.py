"""Import path of the published package; everything is in `kubeflow.trainer.options`."""

from kubeflow.trainer.options._job import Name

__all__ = ["Name"]
