"""Train functions whose jobs are reported: with metrics of any name, logs with markup and secrets, and a failure."""

from __future__ import annotations


def well() -> dict[str, object]:
    import math
    import os

    from kubeflow.optimizer import report
    from kubeflow.trainer import update_trainjob_status

    rank = int(os.environ["JOB_COMPLETION_INDEX"])
    for step in range(1500):
        odd = math.nan if step == 700 else math.inf if step == 900 else step / 1500
        report(step=step, **{"loss": math.exp(-step / 400) + rank / 10, "acc<b>uracy</b>": odd})
    update_trainjob_status(progress_percent=100)
    print("<script>document.title = 'broken'</script> & \x1b[31mred\x1b[0m; login with hf_" + "a" * 34)
    with open(os.path.join(os.environ["KUBEFLOW_OUTPUT"], "events.out.tfevents.1767322800.host.1.0"), "wb"):  # noqa: PTH118, PTH123
        pass
    return {"loss": 0.05, "note": "<i>fine</i>"}


def badly() -> None:
    import os
    import time

    rank = int(os.environ["JOB_COMPLETION_INDEX"])
    print("beginning of", rank)
    if rank == 0:
        time.sleep(60)
    raise ValueError("no such <file> & more")
