"""What the backend keeps with a job in the store, to show it as users see Spark jobs and sessions."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Literal

from kubeflow.core.stdlib import json


@dataclass(frozen=True, slots=True)
class LocalDetails:
    """What a plan does not say in the terms of Spark.

    Attributes:
        kind: Whether it is a job, or the server of a session.
        executors: Executors that were asked for; `None` when not given.
        threads: Tasks at once.
        heap: Bytes of the JVM's heap; `None` is Spark's default.
        spark: Version of pyspark; empty when the job installs one.
        program: What it runs, for people.
        output: Where it leaves what it makes, as plain data; `None` is its own folder.
    """

    kind: Literal["job", "session"]
    executors: int | None
    threads: int
    heap: int | None
    spark: str = ""
    program: str = ""
    output: dict[str, object] | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON data."""
        return asdict(self)


@functools.lru_cache(maxsize=256)
def read_local_details(text: str) -> LocalDetails:
    """Read what `to_json` gave, from its text."""
    return LocalDetails(**json.loads(text))
