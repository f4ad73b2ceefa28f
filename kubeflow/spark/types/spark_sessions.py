"""Sessions: Spark servers that interactive work connects to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.tracebacks import thin_all


class SparkConnectState(str, Enum):  # noqa: UP042 - as in the published package: `str()` gives the member
    """Where a session's server is."""

    PROVISIONING = "Provisioning"
    READY = "Ready"
    RUNNING = "Running"
    NOT_READY = "NotReady"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
    """A state that this version cannot name."""


@dataclass(frozen=True)
class SparkConnectInfo:
    """A session's server at one moment.

    Attributes:
        name: Its name.
        namespace: Its namespace; empty for a server of this machine.
        state: Where it is.
        driver_pod_name: The pod of the server; the process on this machine, as `"pid 4242"`.
        pod_ip: The address of that pod; that of the loopback interface on this machine.
        service_name: The service in front of it.
        creation_timestamp: When it was made, with time zone.
        message: Why it is where it is, in words; mostly empty.
    """

    name: str
    namespace: str
    state: SparkConnectState
    driver_pod_name: str | None = None
    pod_ip: str | None = None
    service_name: str | None = None
    creation_timestamp: datetime | None = None
    message: str = ""

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


thin_all(globals())
