"""What can go wrong with a Spark job. These are the errors of `kubeflow.trainer`, in the words of Spark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.trainer.errors import (
    JobExists,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    JobWaitTimeout,
    NoJobOutput,
    NoJobResult,
    Unsupported,
)

__all__ = [
    "InvalidInput",
    "JavaMissing",
    "JavaTooOld",
    "KubeflowError",
    "NoSparkAccount",
    "NoSparkJobOutput",
    "NoSparkJobResult",
    "PySparkMissing",
    "SessionExists",
    "SessionLost",
    "SessionNotFound",
    "SparkJobExists",
    "SparkJobFailed",
    "SparkJobNotFinished",
    "SparkJobNotFound",
    "SparkJobWaitTimeout",
    "Unsupported",
]

KIND = "Spark job"


class SparkJobNotFound(JobNotFound):
    """No Spark job has this name. `available` lists the jobs that this client sees; `where` says where it looks.

    Remedy:
        Use one of the names of `available`; a job of another namespace or backend needs a client for that.
    """

    kind: ClassVar[str] = KIND


class SparkJobExists(JobExists):
    """The name is taken by another Spark job.

    Remedy:
        Choose another name, or delete the other job with `delete_job`.
    """

    kind: ClassVar[str] = KIND


class SparkJobFailed(JobFailed):
    """The Spark job ended as Failed. `reason` says what ended it, `exception` and `log` are those of the driver.

    Remedy:
        Read `exception` and `log`; `explain` says what ended driver and executors. Correct the cause and submit again.
    """

    kind: ClassVar[str] = KIND


class SparkJobNotFinished(JobNotFinished):
    """A Spark job has no result yet. `name` is the job, `status` is where it is.

    Remedy:
        Wait with `wait_for_job_status`, then ask again.
    """

    kind: ClassVar[str] = KIND


class SparkJobWaitTimeout(JobWaitTimeout):
    """A Spark job did not reach the awaited status in time; it goes on unless it is deleted.

    Remedy:
        Wait again, with a longer `timeout`; when the job does not go on, `explain` says what it waits for.
    """

    kind: ClassVar[str] = KIND


class NoSparkJobResult(NoJobResult):
    """A Spark job has ended well, and what its function returned cannot be had. `reason` says why.

    Remedy:
        Have the function return plain data (numbers, text, lists, dicts); tables belong into files.
    """

    kind: ClassVar[str] = KIND


class NoSparkJobOutput(NoJobOutput):
    """A Spark job has ended well, and left no output. `name` is the job, `reason` says why.

    Remedy:
        Have the function write to the output that it is given, and submit it again.
    """

    kind: ClassVar[str] = KIND


class PySparkMissing(InvalidInput):
    """This Python has no pyspark, or none that serves. `found` is the version that there is, empty for none.

    Remedy:
        `pip install 'kubeflow[spark]'`, in the environment that this Python runs in.
    """

    def __init__(self, python: str, *, found: str = "", needed: str = "4.0") -> None:
        self.python = python
        self.found = found
        what = f"has pyspark {found}, and {needed} or later is needed" if found else "has no pyspark"
        super().__init__(
            f"{python} {what}: run `{python} -m pip install 'kubeflow[spark]'` (about 450 MB), or let a cluster run "
            "the job: SparkClient(KubernetesBackendConfig())."
        )


class JavaMissing(InvalidInput):
    """This machine has no Java, without which no JVM of Spark can start. `looked` says where it was looked for.

    Remedy:
        Install a Java of 17 or later (`apt-get install openjdk-17-jre-headless`), or set `JAVA_HOME` to one.
    """

    def __init__(self, looked: str) -> None:
        self.looked = looked
        super().__init__(f"Spark needs Java 17 or later, and there is none: {looked}. {_INSTALL}")


class JavaTooOld(InvalidInput):
    """The Java of this machine is too old for Spark. `version` is its version, `path` where it is.

    Remedy:
        Install a Java of 17 or later, and set `JAVA_HOME` to it.
    """

    def __init__(self, path: str, version: str, needed: int) -> None:
        self.path = path
        self.version = version
        super().__init__(f"Spark 4 needs Java {needed} or later, and {path} is Java {version}. {_INSTALL}")


_INSTALL = (
    "Install one (`apt-get install openjdk-17-jre-headless`, `brew install openjdk@17`), or name it with JAVA_HOME. A "
    "cluster needs none here: SparkClient(KubernetesBackendConfig())."
)


class SessionNotFound(InvalidInput):
    """No session has this name. `available` lists those that this client sees.

    Remedy:
        Use one of the names of `available`, or make a session with `connect`.
    """

    def __init__(self, name: str, available: Iterable[str], *, where: str = "") -> None:
        from kubeflow.core.errors import did_you_mean

        self.name = name
        self.available = tuple(available)
        listed = ", ".join(self.available) or "none"
        place = f" {where}" if where else ""
        super().__init__(
            f"There is no session {name!r}{place}.{did_you_mean(name, self.available)} Sessions here: {listed}. "
            "client.connect(...) makes one."
        )


class SessionExists(InvalidInput):
    """The name is taken by another session.

    Remedy:
        Choose another name, or delete the session with `delete_session`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"A session {name!r} exists already: connect to it with client.connect(attach={name!r}), end it with "
            f"client.delete_session({name!r}), or choose another name."
        )


class SessionLost(KubeflowError, ConnectionError):
    """The server of a session does not answer, or does not run any more. `name` is the session, `reason` says why.

    Remedy:
        Connect again; `get_session_logs` says why the server ended, mostly for want of memory.
    """

    def __init__(self, name: str, reason: str, remedy: str = "") -> None:
        self.name = name
        self.reason = reason
        way = remedy or "Its data is gone with it: make another one with client.connect(...)."
        super().__init__(f"Session {name!r} cannot be used: {reason}. {way}")


class NoSparkAccount(InvalidInput):
    """No service account of the namespace is known to have the rights that a driver needs.

    Attributes:
        account: The account that was named or looked at last; empty when there is none.
        missing: The rights that it lacks, like `"create pods"`; empty when they are not known.
        namespace: Where it was looked for.

    Remedy:
        Have an account made with the rights of `missing`, and name it with `Driver(service_account=...)`.
    """

    def __init__(self, namespace: str, account: str = "", missing: Sequence[str] = ()) -> None:
        self.namespace, self.account, self.missing = namespace, account, tuple(missing)
        what = (
            f"Service account {account!r} in namespace {namespace!r} may not {', '.join(missing)}"
            if account and missing
            else f"There is no service account {account!r} in namespace {namespace!r}"
            if account
            else f"No service account of namespace {namespace!r} is one of the Spark Operator's"
        )
        super().__init__(
            f"{what}, and a driver makes its executors with its account. Name another one with "
            "driver=Driver(service_account=...), or ask who runs the cluster to add the namespace to the operator's "
            "spark.jobNamespaces, which makes an account with these rights: get, list, watch, create, update, patch, "
            "delete and deletecollection of pods, configmaps, persistentvolumeclaims and services."
        )
