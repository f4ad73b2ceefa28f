"""Which device a container asks for, whatever the vendor: from Kubernetes' resource names to words of this SDK."""

from __future__ import annotations

from collections.abc import Mapping

from kubeflow_api.k8s.core.v1 import ResourceRequirements

from kubeflow.cluster.wire import mapping, only
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.resources import UNNAMED_GPUS, is_accelerator

# Resource names whose last part is no good word for the device. All others are called by it: `amd.com/gpu` is a gpu,
# `nvidia.com/mig-1g.5gb` a mig-1g.5gb, `habana.ai/gaudi` a gaudi.
_WORDS = {constants.NPU_LABEL: "npu", **dict.fromkeys(UNNAMED_GPUS, "gpu")}


def device_of(resources: object) -> tuple[str, str]:
    """Return device and amount, like `("gpu", "2")` or `("cpu", "500m")`; both `"Unknown"` when nothing is said.

    Args:
        resources: The `ResourceRequirements` of a container; limits count before requests.
    """
    found = only(ResourceRequirements, resources)
    return device_in({**_amounts(found and found.requests), **_amounts(found and found.limits)})


def device_in(amounts: Mapping[str, str]) -> tuple[str, str]:
    """Return device and amount as `device_of` does, from amounts by resource name."""
    for name, amount in amounts.items():
        if is_accelerator(name):
            return _WORDS.get(name, name.partition("/")[2]), amount
    if "cpu" in amounts:
        return "cpu", amounts["cpu"]
    return constants.UNKNOWN, constants.UNKNOWN


def _amounts(values: object) -> dict[str, str]:
    return {name: str(amount) for name, amount in mapping(values).items() if str(amount) not in ("0", "")}
