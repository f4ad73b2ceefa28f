"""How hyperparameters come into a job: as environment variables. Loads none of what makes bundles."""

from __future__ import annotations

from collections.abc import Mapping

PARAMETER_PREFIX = "KUBEFLOW_PARAMETER_"


def hyperparameter_env(values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that carry hyperparameters, as text, into a job.

    Args:
        values: Text by name; for Katib the text is a placeholder such as `${trialParameters.lr}`.
    """
    return {PARAMETER_PREFIX + name: text for name, text in values.items()}
