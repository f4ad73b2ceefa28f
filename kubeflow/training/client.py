"""`TrainingClient`: calls of the training operator's client, made to a `TrainerClient`, with a hint at the new ones.

Only what becomes one TrainJob: the operator's own kinds (PyTorchJob, ...) are another API, and are refused in words.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from kubeflow.core import display
from kubeflow.core.display import Code
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.tracebacks import thin
from kubeflow.trainer import (
    CustomTrainer,
    CustomTrainerContainer,
    KubernetesBackendConfig,
    TrainerClient,
)
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import node_step
from kubeflow.trainer.types.code import Serializer
from kubeflow.trainer.types.jobs import JobReference, TrainJob, name_of
from kubeflow.trainer.types.resources import Amounts, Resources

if TYPE_CHECKING:
    from kubeflow.trainer import BackendConfig

_RUNTIMES = {
    "PyTorchJob": "torch-distributed",
    "JAXJob": "jax-distributed",
    "XGBoostJob": "xgboost-distributed",
    "MPIJob": "deepspeed-distributed",
}


@thin
class TrainingClient:
    """Deprecated: use `kubeflow.trainer.TrainerClient`. Every call warns with the call that replaces it.

    A method that is given a job's name and no namespace looks where this client made a job of that name last, else in
    the client's namespace.

    Args:
        config_file: The kubeconfig file.
        context: The context in it.
        client_configuration: A `kubernetes.client.Configuration` instead of a file.
        namespace: Namespace of the jobs. Default: that of the context.
        job_kind: Kind of the operator's jobs, like `"PyTorchJob"`; it chooses the runtime. Default: `PyTorchJob`.
        backend_config: Where jobs run, instead of the cluster that the other arguments name.

    Raises:
        InvalidInput: For a kind that no runtime stands for.
        NotConfigured: When there is no cluster to talk to.
    """

    def __init__(
        self,
        config_file: str | None = None,
        context: str | None = None,
        client_configuration: object | None = None,
        namespace: str | None = None,
        job_kind: str = "PyTorchJob",
        *,
        backend_config: BackendConfig | None = None,
    ) -> None:
        self._runtime = _runtime(job_kind)
        self._config: BackendConfig = backend_config or KubernetesBackendConfig(
            namespace=namespace,
            config_file=config_file,
            context=context,
            client_configuration=client_configuration,
        )
        self._config = self._config_in(namespace)
        self._clients: dict[str | None, TrainerClient] = {}  # by namespace
        # Where the jobs of this client are that were made in another namespace than the client's.
        self._elsewhere: dict[str, str] = {}
        _warn("TrainingClient()", self._where(None))

    def create_job(
        self,
        job: object | None = None,
        name: str | None = None,
        namespace: str | None = None,
        job_kind: str | None = None,
        base_image: str | None = None,
        train_func: Callable[..., object] | None = None,
        parameters: Mapping[str, object] | None = None,
        num_workers: int | None = None,
        num_procs_per_worker: int | None = None,
        resources_per_worker: Resources | None = None,
        packages_to_install: Sequence[str] | None = None,
        pip_index_url: str | None = None,
        env_vars: Mapping[str, str] | None = None,
        *,
        num_gpus_per_worker: int | None = None,
        command: Sequence[str] | None = None,
        args: Sequence[str] | None = None,
        code_dir: str | os.PathLike[str] | None = None,
        serializer: Serializer = "source",
    ) -> str:
        """Make a job and start it: of a function (`train_func`), or of an image (`base_image`) with a command.

        Args:
            job: An object of the operator's own kinds; not supported.
            name: Name of the job. Default: a fresh one.
            namespace: Namespace of the job. Default: the client's.
            job_kind: As of the client.
            base_image: Image of the nodes.
            train_func: A train function.
            parameters: Its arguments by name.
            num_workers: Nodes.
            num_procs_per_worker: Processes per node.
            resources_per_worker: What each node gets, like `{"cpu": 4, "gpu": 1}`.
            packages_to_install: Requirements of the function.
            pip_index_url: Package index for them.
            env_vars: Environment variables of the nodes.
            num_gpus_per_worker: GPUs of each node, instead of in `resources_per_worker`.
            command: Command of the nodes, with an image.
            args: Its arguments.
            code_dir: With `train_func`: see `CustomTrainer`.
            serializer: With `train_func`: see `CustomTrainer`.

        Returns:
            The job's name.

        Raises:
            InvalidInput: When the job cannot work, before anything is sent.
        """
        if job is not None:
            raise InvalidInput(
                "create_job(job=...) takes objects of the training operator, which Kubeflow Trainer does not run: give "
                "train_func=, or base_image= with command=; or call TrainerClient.create_job() with a TrainJob."
            )
        if train_func is not None and (command is not None or args is not None):
            raise InvalidInput("train_func= and command= both say what to run: give one of them.")
        if train_func is None and base_image is None:
            raise InvalidInput("create_job() needs something to run: train_func=, or base_image= (with command=).")
        resources = dict(cast(Amounts, resources_per_worker or {}))
        if num_gpus_per_worker:
            resources["gpu"] = num_gpus_per_worker
        if train_func is not None:
            trainer: CustomTrainer | CustomTrainerContainer = CustomTrainer(
                func=train_func,
                func_args=parameters,
                image=base_image,
                packages_to_install=packages_to_install,
                pip_index_urls=constants.DEFAULT_PIP_INDEX_URLS if pip_index_url is None else (pip_index_url,),
                num_nodes=num_workers,
                resources_per_node=resources or None,
                env=env_vars,
                num_proc_per_node=num_procs_per_worker,
                code_dir=code_dir,
                serializer=serializer,
            )
        else:
            trainer = CustomTrainerContainer(
                image=str(base_image), num_nodes=num_workers, resources_per_node=resources or None, env=env_vars
            )
        from kubeflow.trainer.options import TrainerArgs, TrainerCommand

        options = [TrainerCommand(list(command))] if command is not None else []
        more = [TrainerArgs(list(args))] if args is not None else []
        runtime = self._runtime if job_kind is None else _runtime(job_kind)
        shown = _call(runtime=runtime, name=name, trainer=Code(_trainer(trainer)), options=[*options, *more] or None)
        _warn("TrainingClient.create_job()", f"{self._where(namespace)}.train({shown})")
        made = self._client(namespace).train(runtime, name=name, trainer=trainer, options=[*options, *more])
        self._elsewhere.pop(made, None)
        if namespace is not None:
            self._elsewhere[made] = namespace
        return made

    def wait_for_job_completion(
        self, name: JobReference, namespace: str | None = None, timeout: float = 600, polling_interval: float = 15
    ) -> TrainJob:
        """Wait until a job is complete, and return it.

        Args:
            name: The job.
            namespace: Its namespace. Default: that in which this client made it, else the client's.
            timeout: Seconds to wait at most.
            polling_interval: Seconds between two looks where the cluster cannot tell of changes.

        Raises:
            JobFailed: As soon as it fails: with rank, exception and last lines.
            JobWaitTimeout: When the time is up.
            JobNotFound: With names like it.
        """
        name = name_of(name)
        namespace = self._home(name, namespace)
        new = f"wait_for_job_status({_call(name, timeout=timeout)})"
        _warn("TrainingClient.wait_for_job_completion()", f"{self._where(namespace)}.{new}")
        return self._client(namespace).wait_for_job_status(name, timeout=timeout, polling_interval=polling_interval)

    def get_job_logs(
        self, name: JobReference, namespace: str | None = None, *, is_master: bool = True, follow: bool = False
    ) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Return the logs of a job and its events.

        Args:
            name: The job.
            namespace: Its namespace. Default: that in which this client made it, else the client's.
            is_master: Only the log of node 0; otherwise of every step.
            follow: Print lines as they come until the job ends, then return.

        Returns:
            Log text by step, and event messages by object.

        Raises:
            JobNotFound: With names like it.
        """
        name = name_of(name)
        namespace = self._home(name, namespace)
        _warn("TrainingClient.get_job_logs()", f"{self._where(namespace)}.get_job_logs({_call(name)})")
        client = self._client(namespace)
        names = [node_step(0)] if is_master else [step.name for step in client.get_job(name).steps]
        logs: dict[str, str] = {}
        for step in names:
            lines: list[str] = []
            for line in client.get_job_logs(name, step, follow):
                lines.append(line)
                if follow:
                    print(f"[{step}] {line}", flush=True)
            logs[step] = "\n".join(lines)
        events: dict[str, list[str]] = {}
        for event in client.get_job_events(name):
            events.setdefault(event.involved_object_name, []).append(f"{event.reason}: {event.message}")
        return logs, events

    def get_job(self, name: JobReference, namespace: str | None = None) -> TrainJob:
        """Return one job as it is now. Its namespace is chosen as in `wait_for_job_completion`.

        Raises:
            JobNotFound: With names like it.
        """
        name = name_of(name)
        namespace = self._home(name, namespace)
        _warn("TrainingClient.get_job()", f"{self._where(namespace)}.get_job({_call(name)})")
        return self._client(namespace).get_job(name)

    def list_jobs(self, namespace: str | None = None) -> list[TrainJob]:
        """Return the jobs of a namespace (default: the client's), oldest first."""
        _warn("TrainingClient.list_jobs()", f"{self._where(namespace)}.list_jobs()")
        return self._client(namespace).list_jobs()

    def delete_job(self, name: JobReference, namespace: str | None = None) -> None:
        """End a job if it runs, and forget it with its logs. Its namespace is chosen as in `wait_for_job_completion`.

        Raises:
            JobNotFound: With names like it.
        """
        name = name_of(name)
        namespace = self._home(name, namespace)
        _warn("TrainingClient.delete_job()", f"{self._where(namespace)}.delete_job({_call(name)})")
        self._client(namespace).delete_job(name)
        if self._elsewhere.get(name) == namespace:
            self._elsewhere.pop(name, None)

    def _home(self, name: str, namespace: str | None) -> str | None:
        """Return the namespace in which to look for a job; `None` is the client's."""
        return self._elsewhere.get(name) if namespace is None else namespace

    def __repr__(self) -> str:
        return display.call("TrainingClient", backend_config=self._config)

    def _client(self, namespace: str | None) -> TrainerClient:
        if namespace not in self._clients:
            self._clients[namespace] = TrainerClient(self._config_in(namespace))
        return self._clients[namespace]

    def _config_in(self, namespace: str | None) -> BackendConfig:
        if namespace is None or not isinstance(self._config, KubernetesBackendConfig):
            return self._config  # one machine has no namespaces
        return replace(self._config, namespace=namespace)

    def _where(self, namespace: str | None) -> str:
        config = self._config_in(namespace)
        if not isinstance(config, KubernetesBackendConfig):
            return f"TrainerClient({type(config).__name__}())"
        arguments = {name: getattr(config, name) for name in ("namespace", "config_file", "context")}
        if config.client_configuration is not None:
            arguments["client_configuration"] = Code("...")  # it may hold a token
        shown = _call(**arguments)
        return f"TrainerClient({f'KubernetesBackendConfig({shown})' if shown else ''})"


def _runtime(kind: str) -> str:
    if kind not in _RUNTIMES:
        raise InvalidInput(
            f"No runtime of Kubeflow Trainer stands for {kind!r}.{did_you_mean(kind, _RUNTIMES)} "
            f"Known: {', '.join(_RUNTIMES)}."
        )
    return _RUNTIMES[kind]


def _call(*positional: object, **named: object) -> str:
    shown = [repr(value) for value in positional]
    return ", ".join([*shown, *(f"{key}={value!r}" for key, value in named.items() if value is not None)])


def _trainer(trainer: CustomTrainer | CustomTrainerContainer) -> str:
    if isinstance(trainer, CustomTrainerContainer):
        fields: dict[str, object] = {"image": trainer.image}
    else:
        func = Code(getattr(trainer.func, "__name__", "train_func"))
        fields = {"func": func, "func_args": trainer.func_args, "image": trainer.image}
        fields |= {"packages_to_install": trainer.packages_to_install, "num_proc_per_node": trainer.num_proc_per_node}
        fields |= {
            "code_dir": trainer.code_dir,
            "serializer": {"source": None}.get(trainer.serializer, trainer.serializer),
        }
    fields |= {"num_nodes": trainer.num_nodes, "resources_per_node": trainer.resources_per_node}
    fields |= {"env": Code("{...}") if trainer.env else None}  # values may be secrets: they are not for logs
    return f"{type(trainer).__name__}({_call(**fields)})"


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated: write {new}, from kubeflow.trainer.", DeprecationWarning, stacklevel=4)
