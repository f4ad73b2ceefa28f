"""What can go wrong with a job. Each error carries its facts as attributes, and a message with one remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from kubeflow.core.errors import InvalidInput, KubeflowError, did_you_mean
from kubeflow.trainer.jobs.steps import node_step

__all__ = [
    "InvalidInput",
    "JobExists",
    "JobFailed",
    "JobNotFinished",
    "JobNotFound",
    "JobWaitTimeout",
    "KubeflowError",
    "NoJobOutput",
    "NoJobResult",
    "RuntimeGone",
    "RuntimeMissesPackage",
    "RuntimeMissesProgram",
    "RuntimeNotFound",
    "Unsupported",
]


class Unsupported(KubeflowError, NotImplementedError):
    """The chosen backend cannot do this in this version. The message says what works instead.

    Remedy:
        Do what the message names instead, or use a backend that can: the table in docs/backends.md has all of them.
    """


class RuntimeNotFound(InvalidInput):
    """No runtime has this name. `available` lists the names that are seen, in the backend's order.

    `unseen` says which runtimes cannot be listed, so that there may be more; mostly empty.

    Remedy:
        Use one of the names of `available`.
    """

    def __init__(self, name: str, available: Iterable[str], *, unseen: str = "") -> None:
        self.name = name
        self.available = tuple(available)
        self.unseen = unseen
        listed = ", ".join(self.available) or ("none that can be seen" if unseen else "none")
        more = f" There may be more: {unseen}." if unseen else ""
        super().__init__(
            f"There is no runtime {name!r}.{did_you_mean(name, self.available)} Available: {listed}.{more}"
        )


class RuntimeGone(InvalidInput):
    """The runtime of a job does not exist any more, so that the control plane refuses to change the job.

    Attributes:
        name: The job.
        runtime: The runtime.
        available: Names of the runtimes that there are.

    Remedy:
        Have the runtime made again, or delete the job and train with a runtime that is there.
    """

    def __init__(self, name: str, runtime: str, changed: str, available: Iterable[str]) -> None:
        self.name = name
        self.runtime = runtime
        self.available = tuple(available)
        super().__init__(
            f"TrainJob {name!r} cannot be {changed}: its runtime {runtime!r} does not exist any more, and without it "
            "Kubeflow Trainer takes no change of the job. Have the runtime made again by who runs the cluster, or "
            f"delete the job (client.delete_job({name!r})) and train again with another runtime. "
            f"Available: {', '.join(self.available) or 'none'}."
        )


class RuntimeMissesPackage(InvalidInput):
    """The runtime needs a Python package that this environment does not have.

    Remedy:
        Install the package, or name it in `packages_to_install`.
    """

    def __init__(self, runtime: str, package: str, python: str, *, own: bool = True) -> None:
        self.runtime = runtime
        self.package = package
        if own:
            what = f"which is not installed for {python}. Run `pip install {package}` there, or name"
        else:  # jobs of another Python see nothing that is installed for it
            what = f"and a job in an environment of Python {python} has only what it names. Name"
        super().__init__(f"Runtime {runtime!r} needs {package!r}, {what} it in packages_to_install=[{package!r}].")


class RuntimeMissesProgram(InvalidInput):
    """The runtime needs a program that this machine does not have. `install` says how to get it.

    Remedy:
        Install the program as `install` says, or use a runtime that needs none.
    """

    def __init__(self, runtime: str, program: str, install: str) -> None:
        self.runtime = runtime
        self.program = program
        self.install = install
        super().__init__(f"Runtime {runtime!r} needs the program {program!r}, which is not on PATH: {install}.")


class JobNotFound(InvalidInput):
    """No job has this name. `available` lists the jobs that this client sees; `where` says where it looks.

    `unseen` says why the jobs that there are cannot be listed; mostly empty.

    Remedy:
        Use one of the names of `available`; a job of another namespace or backend needs a client for that.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(self, name: str, available: Iterable[str], *, where: str = "", unseen: str = "") -> None:
        self.name = name
        self.available = tuple(available)
        self.where = where
        self.unseen = unseen
        listed = ", ".join(self.available[-5:]) or "none"
        jobs = f"Newest jobs here: {listed}. list_jobs() shows all."
        if unseen:
            jobs = f"Which jobs there are is not known: {unseen.rstrip('.')}."
        super().__init__(
            f"There is no {self.kind} {name!r}{f' {where}' if where else ''}.{did_you_mean(name, self.available)} "
            f"{jobs}"
        )


class JobExists(InvalidInput):
    """The name is taken by another job.

    Remedy:
        Choose another name, leave the name out for a fresh one, or delete the other job with `delete_job`.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"A {self.kind} {name!r} exists already. Choose another name, leave name= out to get a fresh one, "
            f"or delete the other first: client.delete_job({name!r})."
        )


class JobFailed(KubeflowError):
    """The job ended as Failed.

    Attributes:
        name: The job.
        reason: What ended it, in words: an exception of the train function, a signal, an exit code.
        rank: The rank that failed first, `None` when it failed before or outside of any rank.
        node: Index of the node that failed first, `None` when unknown.
        step: The step that failed first, as `get_job_logs(step=...)` takes it; `None` when unknown.
        exception: Exception type and message of that rank, like `"ValueError: boom"`; `None` when the
            process ended without one.
        log: The last lines of that rank's log, oldest first, without line ends.

    Remedy:
        Read `exception` and `log`; `explain` says more, such as where memory ran out. Correct the cause and train
        again.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(
        self,
        name: str,
        reason: str,
        *,
        rank: int | None = None,
        node: int | None = None,
        step: str | None = None,
        exception: str | None = None,
        log: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.reason = reason
        self.rank = rank
        self.node = node
        self.step = step if step is not None or node is None else node_step(node)
        self.exception = exception
        self.log = tuple(log)
        tail = "".join(f"\n    {line}" for line in self.log)
        shown = f"\nLast lines of its log:{tail}" if self.log else ""
        whole = f"client.get_job_logs({name!r}{'' if self.step is None else f', step={self.step!r}'})"
        super().__init__(f"{self.kind} {name!r} failed: {reason}{shown}\nThe whole log: {whole}.")


class JobWaitTimeout(KubeflowError, TimeoutError):
    """A job did not reach the awaited status in time; it goes on unless it is deleted.

    Attributes:
        name: The job.
        status: Its status when the time was up.
        timeout: The time that was given, in seconds.
        explanation: What `TrainerClient.explain` said then; part of the message.
        remedy: What its user can do; part of the message. Default: what helps where a job goes on.

    Remedy:
        Wait again, with a longer `timeout`; when the job does not go on, `explanation` says what it waits for.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(
        self,
        name: str,
        status: str,
        awaited: Iterable[str],
        timeout: float,
        *,
        explanation: str = "",
        remedy: str | None = None,
    ) -> None:
        self.name = name
        self.status = status
        self.timeout = timeout
        self.explanation = explanation
        if remedy is None:
            remedy = (
                f"It goes on: wait again with a larger timeout=, look at client.get_job_logs({name!r}), "
                f"or end it with client.delete_job({name!r})."
            )
        self.remedy = remedy
        shown = f"\n{explanation}" if explanation else ""
        super().__init__(
            f"{self.kind} {name!r} is {status} after {timeout:g} s, awaited: {', '.join(sorted(awaited))}. "
            f"{remedy}{shown}"
        )


class JobNotFinished(KubeflowError):
    """A job has no result yet, and no output. `name` is the job, `status` is where it is.

    Remedy:
        Wait with `wait_for_job_status`, then ask again.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(self, name: str, status: str, *, lacks: str = "result") -> None:
        self.name = name
        self.status = status
        super().__init__(
            f"{self.kind} {name!r} is {status} and has no {lacks} yet: "
            f"wait for it with client.wait_for_job_status({name!r})."
        )


class NoJobResult(KubeflowError):
    """A job has ended well, and what its function returned cannot be had. `reason` says why.

    Remedy:
        Have the function return plain data (numbers, text, lists, dicts); larger things belong into an output.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(
            f"{self.kind} {name!r} is Complete, but its result cannot be had: {reason}. Return plain data (numbers, "
            "text, lists, dicts, dataclasses), or write large results to a volume or an object store."
        )


class NoJobOutput(KubeflowError):
    """A job has ended well, and left no output. `name` is the job, `reason` says why.

    Remedy:
        Have the function write to the folder `KUBEFLOW_OUTPUT`, and train again.
    """

    kind: ClassVar[str] = "TrainJob"

    def __init__(self, name: str, reason: str, remedy: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{self.kind} {name!r} is Complete, and it has no output: {reason}. {remedy}")
