"""`component`: a step of a pipeline that is made of a client's call. Its text is plain Python, as its YAML shows."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias, cast, get_args

from kubeflow.core.artifact import ARTIFACT_KINDS, ArtifactKind
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.pipelines.access_rights import CALL_RULES, remember_rules
from kubeflow.pipelines.component_text import StepFunction, check_settings, component_text, step_function
from kubeflow.pipelines.kfp_parts import kfp_module

ClientCall: TypeAlias = Literal["train", "optimize", "process_data", "serve"]
"""A call of a client that can be a step."""

STEP_IMAGE = "python:3.12"
STEP_PACKAGES = ("kubeflow>=0.6.0.dev0",)

_SESSION = "spark"


def component(
    call: ClientCall,
    func: Callable[..., object] | None = None,
    *,
    name: str | None = None,
    reads: Collection[ArtifactKind] = (),
    makes: ArtifactKind | None = None,
    step_image: str = STEP_IMAGE,
    step_packages: Sequence[str] = STEP_PACKAGES,
    **settings: object,
) -> Any:
    """Return a component of kfp that makes a call of a client: in a pipeline's pod as on this machine.

    The step makes the job, shows its log, waits for its end, and fails where the job does. It uses a client without a
    configuration: in a pod that finds the cluster which the pod is in, and `local()` points it to this machine.

        fit = component("train", fit_model, makes="model", num_nodes=2)
        serve = component("serve", model_format="sklearn")

        @dsl.pipeline(name="chain")
        def chain(rate: float = 0.1) -> None:
            trained = fit(rate=rate)
            serve(name="iris", model=trained.outputs["output"])

    Args:
        call: `"train"` (`TrainerClient.train`), `"optimize"` (`OptimizerClient.optimize`), `"process_data"`
            (`SparkClient.process_data`), or `"serve"` (`KServeClient.serve`).
        func: The function that the job runs. Its parameters become inputs of the component, so each has one of the
            types str, int, float, bool, list and dict; the session `spark` of `process_data` is none of them. The
            function travels as its own text: it imports inside, and uses nothing from outside. `serve` has none: its
            inputs are `name` and the artifact `model`.
        name: Name of the component. Default: that of the function, else of the call.
        reads: With `train`: what is fetched first. `["dataset"]` adds an input `dataset` for the artifact of an earlier
            step, which lands in `/workspace/dataset`; in the same way `"model"`.
        makes: With `train` and `process_data`: what the function writes where `KUBEFLOW_OUTPUT` says. The component has
            an output `output` of this kind then. Unless `output=` is given besides, the place is the one that kfp has
            for it; where that is a URI, such as `minio://...`, the function writes to it itself.
        step_image: Image of the step's pod, which makes the call. The image of the job is a setting.
        step_packages: What is installed in it.
        settings: Further arguments of the call, such as `num_nodes=2`, `options=[...]` or `search_space={...}`: plain
            data and objects of this package that hold no secrets.

    Returns:
        The component, to be called in a function with `@dsl.pipeline`. Its value, `outputs["Output"]`, is what the
        function returned, where that has a type of a pipeline; of `optimize` the parameters of the best trial; of
        `serve` the service's name.

    Raises:
        InvalidInput: The function or a setting cannot travel, or the call has no such setting.
        MissingExtra: kfp is not installed.
    """
    if call not in get_args(ClientCall):
        calls = get_args(ClientCall)
        raise InvalidInput(f"call is {', '.join(map(repr, calls))}, not {call!r}.{did_you_mean(str(call), calls)}")
    _check_artifacts(call, reads, makes)
    if call == "serve":
        if func is not None:
            raise InvalidInput("serve takes the artifact `model` of an earlier step, and no function: leave it out.")
    elif func is None:
        raise InvalidInput(f"{call} runs a function: component({call!r}, my_function).")
    text, called = _text(call, func, name, reads, makes, settings)
    made = _of_text(text, called, step_image, list(step_packages))
    remember_rules(made, CALL_RULES[call])
    return made


def _text(
    call: ClientCall,
    func: Callable[..., object] | None,
    name: str | None,
    reads: Collection[ArtifactKind],
    makes: ArtifactKind | None,
    settings: dict[str, object],
) -> tuple[str, str]:
    step = None if func is None else step_function(func, leaves_out=[_SESSION] if call == "process_data" else [])
    called = name or (call if step is None else step.name)
    if not called.isidentifier():
        raise InvalidInput(f"name={name!r} is no name of a component: letters, digits and '_', like 'fit_model'.")
    if step is not None and called == step.name:
        called = f"{call}_{called}"  # the function within has the name itself
    doc = f"{call} {step.name}" if step is not None else "Serve a model."
    ordered: Sequence[ArtifactKind] = [kind for kind in ARTIFACT_KINDS if kind in reads]
    if call == "serve":
        ordered = ["model"]
    match call:
        case "train":
            from kubeflow.trainer import TrainerClient

            taken = ["trainer", "train_func", "func_args", "dry_run", "server_dry_run", "initializer", "name", "module"]
            check_settings(TrainerClient.train, settings, [*taken, "args"])
        case "optimize":
            from kubeflow.optimizer import OptimizerClient

            check_settings(OptimizerClient.optimize, settings, ["trial_template", "dry_run", "name", "resume"])
        case "process_data":
            from kubeflow.spark import SparkClient

            check_settings(
                SparkClient.process_data, settings, ["func", "file", "jar", "main_class", "args", "dry_run", "name"]
            )
        case "serve":
            from kubeflow.kserve import KServeClient

            check_settings(KServeClient.serve, settings, ["name", "model", "dry_run", "server_dry_run"])
    returns = {"optimize": "dict", "serve": "str"}.get(call, step.returns if step is not None else "")
    text = component_text(
        name=called,
        runs=f"run_{call}",
        step=step if call != "optimize" else _without_searched(step, settings),
        settings=settings,
        reads=ordered,
        makes=makes,
        first=["name: str"] if call == "serve" else [],
        returns=returns,
        doc=doc,
    )
    return text, called


def _without_searched(step: StepFunction | None, settings: dict[str, object]) -> StepFunction | None:
    if step is None:
        return None
    space = settings.get("search_space")
    searched = set(cast("dict[str, object]", space)) if isinstance(space, dict) else set[str]()
    kept = [index for index, each in enumerate(step.names) if each not in searched]
    return replace(
        step,
        inputs=tuple(step.inputs[index] for index in kept),
        names=tuple(step.names[index] for index in kept),
    )


def _check_artifacts(call: ClientCall, reads: Collection[ArtifactKind], makes: ArtifactKind | None) -> None:
    if isinstance(reads, str) or (set(reads) - set(ARTIFACT_KINDS)):
        raise InvalidInput(f"reads is a list of 'dataset' and 'model', not {reads!r}.")
    if reads and call != "train":
        raise InvalidInput(f"reads= is for train, whose job fetches artifacts first: leave it out of {call}.")
    kinds = {"train": ARTIFACT_KINDS, "process_data": ("dataset",)}.get(call, ())
    if makes is not None and makes not in kinds:
        what = " or ".join(map(repr, kinds)) or "left out"
        raise InvalidInput(f"makes= of {call} is {what}, not {makes!r}.")


def _of_text(text: str, name: str, image: str, packages: list[str]) -> Any:
    dsl = kfp_module("dsl")
    file = f"<component {name}>"
    namespace: dict[str, Any] = {"dsl": dsl, "__name__": file}
    # Without this module's `annotations` of the future: kfp reads types, not their texts.
    exec(compile(text, file, "exec", dont_inherit=True), namespace)  # made above, of the user's own function
    # kfp asks `inspect` for the text.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return dsl.component(base_image=image, packages_to_install=packages)(namespace[name])
