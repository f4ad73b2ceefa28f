"""What goes into a job and what comes out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.trainer import NoJobResult
from tests.trainer.conformance.functions import (
    Report,
    leave_without_a_word,
    report,
    return_no_data,
    return_nothing,
    variables,
)
from tests.trainer.conformance.rows import row
from tests.trainer.conformance.shared_client import SharedClient


@row("`get_job_result`: what the function returned on rank 0")
def test_what_the_function_returned_on_rank_zero_comes_back(jobs: SharedClient) -> None:
    value = jobs.start(report, {"lr": 0.5}, nodes=2)
    nothing, no_data, wordless = map(jobs.start, (return_nothing, return_no_data, leave_without_a_word))
    for name in (value, nothing, no_data, wordless):
        jobs.wait(name)

    assert jobs.client.get_job_result(value) == Report(0, {"first": 0.5, "last": 0.125}, Path("/model"))
    assert jobs.client.get_job_result(nothing) is None
    with pytest.raises(NoJobResult, match=r"\['lock'\] cannot be sent: .*cannot pickle") as refused:
        jobs.client.get_job_result(no_data)
    assert refused.value.name == no_data
    with pytest.raises(NoJobResult, match="ended without a word"):
        jobs.client.get_job_result(wordless)


DOLLARS = {
    "FIRST": "one",
    "TWO": "$$",
    "REFERENCE": "$(FIRST)",
    "UNKNOWN": "$(NOBODY) $(",
    "MANY": "$$$(FIRST)$$$$ $$(FIRST) $HOME ${FIRST} 5$",
    "LAST": "$",
}


@row("environment variables have exactly the values that were given")
def test_variables_have_the_values_that_were_given_whatever_kubernetes_makes_of_dollars(jobs: SharedClient) -> None:
    name = jobs.start(variables, {"names": list(DOLLARS)}, env=DOLLARS)

    assert jobs.has(jobs.wait(name), "Complete")
    assert jobs.client.get_job_result(name) == DOLLARS
