"""What a train function can say of its progress: the function that it calls where the SDK is installed."""

from kubeflow.packaging.remote.reports import update_trainjob_status

__all__ = ["update_trainjob_status"]
