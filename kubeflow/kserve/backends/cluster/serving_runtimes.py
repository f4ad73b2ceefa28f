"""Which serving runtime the control plane will choose for a model, or what is in the way of those that nearly fit.

The rules are those of KServe (pkg/apis/serving/v1beta1/predictor_model.go): runtimes of the namespace come before those
of the cluster; a runtime counts when it is not disabled, has the format with `autoSelect`, in the version that was
asked for, and the protocol; the higher priority comes first, of equals the newer runtime. Pure: no requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import Finding, did_you_mean
from kubeflow.kserve.errors import NoServingRuntime
from kubeflow.kserve.types.model_formats import MODEL_FORMATS, PROTOCOLS, Protocol, unknown_format

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEAR = 5  # runtimes that a message names


@dataclass(frozen=True, slots=True)
class RuntimeFormat:
    """A model format of a runtime. `auto_select` is True when a service need not name the runtime."""

    name: str
    version: str = ""
    auto_select: bool = False
    priority: int = 0

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class KnownServingRuntime:
    """A ServingRuntime or ClusterServingRuntime.

    Attributes:
        name: Its name.
        namespaced: True for a ServingRuntime.
        formats: What it serves.
        protocols: What it is spoken to in; empty is all.
        disabled: True when it is not to be used.
        multi_node: True when it serves one model on several nodes.
        created: When it was made.
    """

    name: str
    namespaced: bool = False
    formats: Sequence[RuntimeFormat] = ()
    protocols: Sequence[str] = ()
    disabled: bool = False
    multi_node: bool = False
    created: datetime = field(default=_LONG_AGO)

    __repr__ = repr_of_fields

    @property
    def kind(self) -> str:
        """Its kind."""
        return "ServingRuntime" if self.namespaced else "ClusterServingRuntime"

    def speaks(self, protocol: str) -> bool:
        """True when it has the protocol."""
        return not self.protocols or protocol in self.protocols


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """A runtime for a model. `protocol` is what it is spoken to in."""

    runtime: KnownServingRuntime
    protocol: Protocol

    __repr__ = repr_of_fields


def read_runtime(item: Json, *, namespaced: bool) -> KnownServingRuntime:
    """Read a runtime from JSON; a value that does not fit the schema counts as absent."""
    spec = wire.mapping(item, "spec")
    formats = [
        RuntimeFormat(
            wire.text(each, "name"),
            wire.text(each, "version"),
            auto_select=wire.at(each, "autoSelect") is True,
            priority=wire.integer(each, "priority") or 0,
        )
        for each in wire.objects(spec, "supportedModelFormats")
    ]
    return KnownServingRuntime(
        wire.text(item, "metadata", "name"),
        namespaced,
        formats,
        wire.each(str, wire.at(spec, "protocolVersions")),
        disabled=wire.at(spec, "disabled") is True,
        multi_node=bool(wire.mapping(spec, "workerSpec")),
        created=wire.time(item, "metadata", "creationTimestamp") or _LONG_AGO,
    )


def choose_runtime(
    runtimes: Iterable[KnownServingRuntime],
    model_format: str,
    *,
    version: str = "",
    protocol: Protocol | None = None,
    name: str | None = None,
    where: str,
) -> RuntimeChoice:
    """Return the runtime that the control plane will choose, and the protocol.

    Args:
        runtimes: All that there are.
        model_format: The model's format.
        version: Its version; empty for any.
        protocol: The protocol; `None` takes v2 where a runtime serves the format so, else v1.
        name: The runtime that is named; `None` leaves it to the control plane.
        where: Where the runtimes are, in words, like `"in namespace 'ml'"`.

    Raises:
        NoServingRuntime: There is none, with those that nearly fit.
    """
    # Those of the namespace first; in each, the newest first, then by priority, which sorting keeps.
    ordered = sorted(runtimes, key=lambda each: (each.namespaced, each.created), reverse=True)
    if name is not None:
        return _named(ordered, model_format, protocol, name, where)
    for wanted in (protocol,) if protocol is not None else ("v2", "v1"):
        for namespaced in (True, False):
            fitting = [
                (each, match)
                for each in ordered
                if each.namespaced is namespaced and (match := _match(each, model_format, version, wanted)) is not None
            ]
            if fitting:
                best = max(fitting, key=lambda pair: pair[1].priority)  # of equals the first
                return RuntimeChoice(best[0], wanted)
    raise NoServingRuntime(model_format, protocol, _near(ordered, model_format, version, protocol), where=where)


def _match(runtime: KnownServingRuntime, model_format: str, version: str, protocol: Protocol) -> RuntimeFormat | None:
    if runtime.disabled or runtime.multi_node or not runtime.speaks(protocol):
        return None
    fitting = [
        each
        for each in runtime.formats
        if each.name == model_format and each.auto_select and version in ("", each.version)
    ]
    return max(fitting, key=lambda each: each.priority, default=None)


def _named(
    runtimes: Sequence[KnownServingRuntime], model_format: str, protocol: Protocol | None, name: str, where: str
) -> RuntimeChoice:
    runtime = next((each for each in runtimes if each.name == name), None)
    if runtime is None:
        known = [each.name for each in runtimes]
        listed = ", ".join(known) or "none"
        finding = Finding(
            f"runtime={name!r}", "there is none of that name", f"There are: {listed}.{did_you_mean(name, known)}"
        )
        raise NoServingRuntime(model_format, protocol, [finding], where=where)
    found: Finding | None = None
    if runtime.disabled:
        found = Finding(name, "it is disabled", "Name another one, or have it enabled by who runs the cluster")
    elif runtime.formats and model_format not in {each.name for each in runtime.formats}:
        formats = ", ".join(dict.fromkeys(each.name for each in runtime.formats))
        found = Finding(name, f"it serves {formats}", "Name another runtime, or another model_format")
    elif protocol is not None and not runtime.speaks(protocol):
        found = Finding(name, f"it has protocol {', '.join(runtime.protocols)}", _protocol_remedy(runtime))
    if found is not None:
        raise NoServingRuntime(model_format, protocol, [found], where=where)
    spoken: Protocol = protocol or ("v2" if runtime.speaks("v2") else "v1")
    return RuntimeChoice(runtime, spoken)


def _near(
    runtimes: Sequence[KnownServingRuntime], model_format: str, version: str, protocol: Protocol | None
) -> list[Finding]:
    found: list[Finding] = []
    for runtime in runtimes:
        formats = [each for each in runtime.formats if each.name == model_format]
        if not formats:
            continue
        who = f"{runtime.kind} {runtime.name}"
        auto = [each for each in formats if each.auto_select]
        versions = [each.version for each in auto if each.version]
        if runtime.disabled:
            found.append(Finding(who, "it is disabled", "Have it enabled by who runs the cluster"))
        elif protocol is not None and not runtime.speaks(protocol):
            spoken = ", ".join(runtime.protocols)
            found.append(Finding(who, f"it has protocol {spoken}, not {protocol}", _protocol_remedy(runtime)))
        elif not auto:
            found.append(Finding(who, "it serves the format only where it is named", f"Write runtime={runtime.name!r}"))
        elif version and version not in versions:
            found.append(
                Finding(who, f"it serves version {', '.join(versions)} of it, not {version}", "Save the model anew")
            )
        elif runtime.multi_node:
            found.append(Finding(who, "it serves a model on several nodes", f"Write runtime={runtime.name!r}"))
    if not found and (hint := _other_formats(runtimes, model_format)):
        found.append(hint)
    return found[:_NEAR]


def _other_formats(runtimes: Sequence[KnownServingRuntime], model_format: str) -> Finding | None:
    formats = sorted({each.name for runtime in runtimes for each in runtime.formats if not runtime.disabled})
    if not formats:
        return None
    hint = did_you_mean(model_format, formats) or (
        "" if model_format in MODEL_FORMATS else f" {unknown_format(model_format)}"
    )
    return Finding("model_format", f"the runtimes there serve {', '.join(formats)}", f"Write one of them.{hint}")


def _protocol_remedy(runtime: KnownServingRuntime) -> str:
    usable = [protocol for protocol in PROTOCOLS if protocol in runtime.protocols]
    return f"Write protocol={usable[0]!r}" if usable else "Name another runtime"


def _shipped(name: str, protocols: str, *formats: tuple[str, str, int]) -> KnownServingRuntime:
    return KnownServingRuntime(
        f"kserve-{name}",
        formats=[RuntimeFormat(each, version, auto_select=True, priority=at) for each, version, at in formats],
        protocols=protocols.split(),
    )


SHIPPED: Sequence[KnownServingRuntime] = (
    _shipped("sklearnserver", "v1 v2", ("sklearn", "1", 1)),
    _shipped(
        "mlserver",
        "v2",
        *(("sklearn", version, 2) for version in "01"),
        *(("xgboost", version, 2) for version in "12"),
        *(("lightgbm", version, 2) for version in "34"),
        *(("mlflow", version, 1) for version in "12"),
    ),
    _shipped("xgbserver", "v1 v2", ("xgboost", "1", 1)),
    _shipped("lgbserver", "v1 v2", ("lightgbm", "3", 1)),
    _shipped("huggingfaceserver", "v2 v1", ("huggingface", "1", 1)),
    _shipped("tritonserver", "v2", *((each, "1", 1) for each in ("tensorrt", "tensorflow", "onnx", "triton"))),
    _shipped("tensorflow-serving", "v1", ("tensorflow", "1", 2), ("tensorflow", "2", 2)),
    _shipped("torchserve", "v1 v2", ("pytorch", "1", 2)),
    _shipped("openvino", "v2", ("openvino_ir", "1", 1)),
    _shipped("paddleserver", "v1 v2", ("paddle", "2", 1)),
    _shipped("pmmlserver", "v1 v2", ("pmml", "3", 1), ("pmml", "4", 1)),
    _shipped("autogluonserver", "v1 v2", ("autogluon", "", 1)),
    _shipped("vllmserver", "", ("vLLM", "1", 1)),
)
"""The ClusterServingRuntimes that KServe ships, for services that are rendered without a cluster."""
