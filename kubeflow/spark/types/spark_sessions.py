"""Sessions: Spark servers that interactive work connects to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList
from kubeflow.core.tracebacks import thin_all

if TYPE_CHECKING:
    from kubeflow.core.html import Cell


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

    def _repr_html_(self) -> str:
        """Return the session as notebooks show it: state, why, where its server is."""
        from kubeflow.core import html

        return html.view(
            html.heading(f"Spark session {self.name}", self.state.value),
            html.tag("p", self.message) if self.message else None,
            html.facts(
                {
                    "Namespace": self.namespace,
                    "Server": self.driver_pod_name,
                    "Address": self.pod_ip,
                    "Service": self.service_name,
                    "Made": self.creation_timestamp,
                }
            ),
        )


class SessionList(ShownList[SparkConnectInfo]):
    """Sessions, shown with a line for each: what `list_sessions` returns."""

    WHAT = "sessions"

    @classmethod
    def row(cls, item: SparkConnectInfo) -> Mapping[str, Cell]:  # noqa: D102
        from kubeflow.core.html import StatusWord

        return {
            "Name": item.name,
            "State": StatusWord(item.state.value),
            "Server": item.driver_pod_name,
            "Age": item.creation_timestamp,
            "Message": item.message,
        }


thin_all(globals())
