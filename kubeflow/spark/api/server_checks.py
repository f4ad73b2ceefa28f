"""Has calls of a session say that its server is gone. Spark's own client asks a dead server again for ten minutes."""

# pyspark is an extra: where it is not installed, its types are unknown.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from kubeflow.core.errors import KubeflowError
from kubeflow.spark.backends.session_backend import SessionBackend
from kubeflow.spark.errors import SessionLost, SessionNotFound

if TYPE_CHECKING:
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

logger = logging.getLogger(__name__)


class LivingServer:
    """A retry policy of Spark's client, and its own state: it retries nothing, and ends retrying of a dead server.

    https://spark.apache.org/docs/4.0.0/api/python/: `pyspark.sql.connect.client.retries.RetryPolicy`.

    Args:
        others: The policies that the client has, which decide about everything else.
        check: Raises `SessionLost` when the server is gone.
    """

    name = "LivingServer"

    def __init__(self, others: Sequence[Any], check: Callable[[], None]) -> None:
        self._others = others
        self._check = check

    def to_state(self) -> Self:
        """Return what the client keeps for one call."""
        return self

    def can_retry(self, exception: BaseException) -> bool:
        """Return False: other policies decide.

        Raises:
            SessionLost: The call would be sent again, and the server is gone.
        """
        if any(policy.can_retry(exception) for policy in self._others):
            self._check()
        return False

    def next_attempt(self, exception: BaseException | None = None) -> None:
        """Return no time to wait: this policy takes no exception."""
        del exception


def watch_server(spark: SparkSession, name: str, backend: SessionBackend) -> None:
    """Have a failing call of a session raise `SessionLost` once its server is gone.

    Args:
        spark: The session at the client.
        name: Its name.
        backend: Where its server runs.
    """

    def check() -> None:
        try:
            backend.check_session(name)
        except SessionNotFound as error:
            raise SessionLost(name, "it was deleted") from error
        except SessionLost:
            raise
        except KubeflowError as error:  # whether it lives is not known: the client's own policies go on
            logger.debug("whether the server of session %s lives is not known: %s", name, error)

    client = spark.client
    others = client.get_retry_policies()
    client.set_retry_policies([LivingServer(others, check), *others])
