"""What goes into a job and what comes out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.trainer import CustomTrainer, NoJobResult, Runtime, TrainerClient
from tests.trainer.conformance.functions import (
    Report,
    leave_without_a_word,
    report,
    return_no_data,
    return_nothing,
    variables,
)
from tests.trainer.conformance.rows import WAIT, row


@row("`get_job_result`: what the function returned on rank 0")
def test_what_the_function_returned_on_rank_zero_comes_back(client: TrainerClient, plain: Runtime) -> None:
    trainers: list[CustomTrainer] = [CustomTrainer.call(report, lr=0.5).replace(num_nodes=2)]
    trainers += [CustomTrainer(func) for func in (return_nothing, return_no_data, leave_without_a_word)]
    value, nothing, no_data, wordless = [client.train(plain, trainer=trainer) for trainer in trainers]
    for name in (value, nothing, no_data, wordless):
        client.wait_for_job_status(name, timeout=WAIT)

    assert client.get_job_result(value) == Report(0, {"first": 0.5, "last": 0.125}, Path("/model"))
    assert client.get_job_result(nothing) is None
    with pytest.raises(NoJobResult, match=r"\['lock'\] cannot be sent: .*cannot pickle") as refused:
        client.get_job_result(no_data)
    assert refused.value.name == no_data
    with pytest.raises(NoJobResult, match="rank 0 ended without a word"):
        client.get_job_result(wordless)


DOLLARS = {
    "FIRST": "one",
    "TWO": "$$",
    "REFERENCE": "$(FIRST)",
    "UNKNOWN": "$(NOBODY) $(",
    "MANY": "$$$(FIRST)$$$$ $$(FIRST) $HOME ${FIRST} 5$",
    "LAST": "$",
}


@row("environment variables have exactly the values that were given")
def test_variables_have_the_values_that_were_given_whatever_kubernetes_makes_of_dollars(
    client: TrainerClient, plain: Runtime
) -> None:
    trainer = CustomTrainer(func=variables, func_args={"names": list(DOLLARS)}, env=DOLLARS)

    name = client.train(plain, trainer=trainer)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == DOLLARS
