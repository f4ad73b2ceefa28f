"""Findings about what each node of a TrainJob gets: amounts, and devices beside the number of processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.trainer.options._merging import Json, at
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime
from kubeflow.trainer.types.resources import is_accelerator, is_device, is_huge_pages

_COUNTED = "gpu"
"""Part of a resource's name by which the control plane counts it as devices: one process for each."""


_OF_KUBERNETES = ("cpu", "memory", "ephemeral-storage")
"""Resources of a container whose names have no domain."""


def amounts(placed: JobInRuntime, minor: str) -> Iterator[str]:
    """Yield amounts that Kubernetes refuses when the pods are made: the user would see a job without any."""
    trainer = placed.job.spec.trainer
    inherited: Json = at(placed.runtime_resources, "limits") if _merges(placed, minor) else {}
    asked = trainer.resources_per_node if trainer is not None else None
    if asked is None:
        return
    limits, requests = asked.limits or {}, asked.requests or {}
    yield from _refused(limits, requests)
    if not _readable(placed.trainer):
        return
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is None:
            if (is_device(name) or is_huge_pages(name)) and name not in inherited:
                yield f"resourcesPerNode requests {name} without a limit: Kubernetes wants the same amount in both."
        elif Quantity(amount).value > Quantity(limit).value:
            yield f"resourcesPerNode requests {amount} of {name}, above its limit of {limit}: request less."
        elif (is_device(name) or is_huge_pages(name)) and Quantity(amount).value != Quantity(limit).value:
            yield f"resourcesPerNode requests {amount} of {name} and limits it to {limit}: write the same in both."
    asked_for = {**requests, **limits}
    pages = [name for name in asked_for if is_huge_pages(name)]
    if pages and not asked_for.keys() & {"cpu", "memory"}:
        yield f"resourcesPerNode has {', '.join(pages)} alone, and Kubernetes wants cpu or memory with it: add one."


def _refused(limits: Mapping[str, object], requests: Mapping[str, object]) -> Iterator[str]:
    """Yield names and amounts that Kubernetes takes in no container.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ has the rules.
    """
    for name, text in dict.fromkeys((name, str(each)) for part in (limits, requests) for name, each in part.items()):
        amount, page = _amount(text), _amount(name.partition("-")[2])
        if amount is None:
            yield f"resourcesPerNode has {text!r} of {name}, which is no amount: write it as '500m', '2' or '4Gi'."
        elif not (is_device(name) or is_huge_pages(name) or name in _OF_KUBERNETES):
            yield (
                f"resourcesPerNode has {name!r}, which Kubernetes does not know: write cpu, memory, ephemeral-storage, "
                "or a qualified name such as 'nvidia.com/gpu'."
            )
        elif amount < 0:
            yield f"resourcesPerNode has {text} of {name}: write 0 or more."
        elif is_device(name) and amount != int(amount):
            yield f"resourcesPerNode has {text} of {name}, which has no parts: write a whole number."
        elif is_huge_pages(name) and page and amount % page:
            yield f"resourcesPerNode has {text} of {name}, which is no multiple of the size of a page: write one."


def merged_amounts(placed: JobInRuntime, minor: str) -> Iterator[str]:
    """Yield where the requests and limits of job and runtime do not fit, which Trainer 2.3 merges by name."""
    if not _merges(placed, minor) or not _readable(placed.trainer):
        return
    own, asked = placed.runtime_resources, cast(Json, placed.trainer.get("resourcesPerNode") or {})
    for name in (*at(asked, "requests"), *at(asked, "limits")):
        part, other = ("requests", "limits") if name in at(asked, "requests") else ("limits", "requests")
        theirs = at(own, other).get(name)
        if name in at(asked, other) or theirs is None:
            continue
        ours = at(asked, part)[name]
        request, limit = (ours, theirs) if part == "requests" else (theirs, ours)
        above = Quantity(str(request)).value > Quantity(str(limit)).value
        if above or (request != limit and (is_device(name) or is_huge_pages(name))):
            yield (
                f"resourcesPerNode has {part} of {ours} {name}, and the runtime has {other} of {theirs}, which do not "
                f"fit: write requests and limits of {name} in resourcesPerNode."
            )


def _merges(placed: JobInRuntime, minor: str) -> bool:
    """True when the resources of the job are laid over those of the runtime. Others replace them, or drop the job's."""
    return minor == "2.3" and bool(placed.ml_policy)


def devices(placed: JobInRuntime, minor: str) -> Iterator[str]:
    """Yield where devices and processes of a node would not match, or where a node gets what nobody asked for."""
    given = placed.trainer.get("resourcesPerNode")
    asked = _amounts(cast(Json, given)) if isinstance(given, Mapping) else {}
    own = _amounts(placed.runtime_resources)
    if asked and not placed.ml_policy and minor == "2.3":
        yield (
            "The runtime has no mlPolicy, so Trainer 2.3 drops resources_per_node: take another runtime, or have an "
            "administrator add mlPolicy: {numNodes: 1} to it, or set the resources with PatchJobs."
        )
    kept = [name for name, amount in own.items() if is_accelerator(name) and name not in asked and amount != "0"]
    counted = [name for name in asked if _COUNTED in name.lower()]
    # Trainer 2.3 merges the two by name; earlier ones let the job's replace the runtime's.
    both = bool(asked) and minor == "2.3" and any(is_accelerator(name) for name in asked)
    if asked and kept and (both or (not counted and placed.trainer.get("numProcPerNode") is None)):
        name = kept[0]
        if both:
            yield (
                f"The runtime gives each node {own[name]} {name}, and would keep it beside what resources_per_node "
                f"asks for: take another runtime, or add {name!r}: 0 and set num_proc_per_node=."
            )
        else:
            yield (
                f"The runtime gives each node {own[name]} {name}, and resources_per_node says nothing of it, so "
                f"processes and devices would not match: add {name!r}: {own[name]}, or 0 to train without."
            )
        return
    if placed.policy != "torch" or placed.trainer.get("numProcPerNode") not in (None, "auto"):
        return
    together = {**own, **asked} if minor == "2.3" or not asked else asked
    present = [name for name, amount in together.items() if is_accelerator(name) and amount != "0"]
    processes = [name for name in together if _COUNTED in name.lower()]
    if present and not processes:
        yield (
            f"Trainer does not count {present[0]} as devices, so torch would start one process for each CPU: set "
            f"num_proc_per_node={together[present[0]]}, or as many as your code runs on it."
        )
    elif len(processes) > 1:
        yield (
            f"Trainer counts either {' or '.join(processes)} as the processes of a node, and nobody knows which: set "
            "num_proc_per_node=."
        )


def processes_of(placed: JobInRuntime) -> int | None:
    """Return how many processes each node has, or `None` when torchrun decides."""
    count = placed.trainer.get("numProcPerNode")
    if isinstance(count, int):
        return count
    given = placed.trainer.get("resourcesPerNode")
    amount = _counted(cast(Json, given)) if isinstance(given, Mapping) else None
    amount = amount or _counted(placed.runtime_resources)
    return int(amount) if amount is not None and amount.isdigit() else None


def _counted(resources: Json) -> str | None:
    # The control plane counts the first resource whose name holds "gpu", of the requests, else of the limits.
    for part in ("requests", "limits"):
        for name, amount in at(resources, part).items():
            if _COUNTED in name.lower():
                return str(amount)
    return None


def _amount(text: str) -> Decimal | None:
    try:
        return Quantity(text).value
    except InvalidInput:
        return None


def _readable(trainer: Json) -> bool:
    """True when all amounts of a job are amounts."""
    given = cast(Json, trainer.get("resourcesPerNode") or {})
    amounts = [str(each) for part in ("requests", "limits") for each in at(given, part).values()]
    return all(_amount(text) is not None for text in amounts)


def _amounts(resources: Json) -> dict[str, str]:
    """Return the amounts by name, of requests and limits together."""
    return {name: str(amount) for part in ("requests", "limits") for name, amount in at(resources, part).items()}
