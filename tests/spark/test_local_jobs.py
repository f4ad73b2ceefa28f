"""Spark jobs of this machine with a real pyspark and a real JVM, each test one of them at most.

`spark_python` has pyspark above the packages of this environment: it takes minutes to be made once.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kubeflow.local.executors.processes import MARK
from tests.locked_environment import ROOT
from tests.spark.spark_environment import spark_python

__all__ = ["spark_python"]
pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "local_programs.py"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


def run(python: Path, state: Path, *words: str, timeout: float = 400) -> dict[str, object]:
    """Run a part of `local_programs.py` in a process of its own, and return what it prints last."""
    environ = {**os.environ, "KUBEFLOW_STATE_DIR": str(state)}
    done = subprocess.run(
        [str(python), str(PROGRAM), *words],
        cwd=state,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def jvms(state: Path) -> Iterator[psutil.Process]:
    """Yield the processes that carry the mark of a job of this state directory."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(str(state)) and "java" in process.name():
                yield process
        except psutil.Error:
            continue


def test_a_function_runs_with_the_session_that_was_asked_for_and_outlives_who_made_it(
    spark_python: Path, state: Path
) -> None:
    made = run(spark_python, state, "submit")  # this process is over, and its job is not
    seen = run(spark_python, state, "collect", str(made["name"]))

    assert seen["result"] == {
        "master": "local[2]",
        "heap": "1536m",
        "partitions": "3",
        "hostile": "a b; $(touch here) 'q'",
        "numbered": [100, 100, 101, 102, 103, 104],
        "tripled": [0, 3, 6, 9, 12],
        "app": made["name"],
    }
    assert seen["status"] == "Completed"
    assert "five rows are written" in str(seen["log"])
    assert not (state / "here").exists()
    assert seen["output"] == {"kind": "dataset", "format": "parquet", "rows": 5, "job": made["name"]}
    assert [event for event in seen["events"] if event in ("Created", "Started", "Complete")] == [  # type: ignore[attr-defined]
        "Created",
        "Started",
        "Complete",
    ]


def test_a_job_that_is_deleted_leaves_no_jvm(spark_python: Path, state: Path) -> None:
    made = run(spark_python, state, "start-long")
    assert list(jvms(state))

    run(spark_python, state, "delete", str(made["name"]))

    assert not list(jvms(state))


def test_a_session_is_used_by_name_and_ends_with_its_block(spark_python: Path, state: Path) -> None:
    seen = run(spark_python, state, "session")

    assert seen == {"count": 100, "attached": 100, "before": ["Ready"], "after": [], "lost": "SessionLost"}
    assert not list(jvms(state))


def test_without_the_client_of_connect_a_session_is_one_of_this_process(spark_python: Path, tmp_path: Path) -> None:
    seen = run(spark_python, tmp_path, "classic")

    assert seen["first"] == ["local[2]", "3", 108]
    assert seen["heap"] == "600m"
    assert seen["listed"] == 0
    assert "InvalidInput: This process has a Spark already" in str(seen["second"])
    assert "pip install 'pyspark[connect]'" in str(seen["attach"])
    assert seen["children"] == []
    assert seen["environment"] == []


def test_a_program_of_a_jar_runs_and_its_exception_is_that_of_the_job(spark_python: Path, tmp_path: Path) -> None:
    seen = run(spark_python, tmp_path, "jar")

    assert (seen["status"], seen["files"]) == ("Completed", 1)
    assert "written by local[1]" in seen["log"]  # type: ignore[operator]
    assert "programs of a jar" in str(seen["no_result"])
    raised = (
        "java.lang.IllegalStateException: no table\nto read, caused by java.nio.file.NoSuchFileException: /nowhere/x"
    )
    bad, lost = seen["failures"]  # type: ignore[misc]
    assert bad[:2] == [f"its driver raised {raised}", raised]  # type: ignore[has-type]
    assert "Etl.scala:11" in "".join(bad[2:])  # type: ignore[has-type]
    assert lost[1] is None  # type: ignore[has-type]
    assert lost[0] == "spark-submit refused it: Failed to load class org.example.Elt."  # type: ignore[has-type]
    explained, unfound = seen["explained"]  # type: ignore[misc]
    assert "is Failed: its driver raised java.lang.IllegalStateException" in explained  # type: ignore[has-type]
    assert "The jar has no class org.example.Elt: correct main_class=" in unfound  # type: ignore[has-type]


def test_a_step_of_a_pipeline_hands_over_the_place_that_the_pipeline_has_for_it(
    spark_python: Path, tmp_path: Path
) -> None:
    seen = run(spark_python, tmp_path, "step")

    assert str(seen.pop("job")).startswith("count-")
    assert seen.pop("files")
    assert seen == {"returned": 5, "kind": "dataset", "place": str(tmp_path / "cleaned"), "listed": True}


def test_a_python_without_pyspark_is_told_so_before_anything_starts(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyspark") is not None:
        pytest.skip("this Python has pyspark")
    assert run(Path(sys.executable), tmp_path, "without-spark") == {"error": "PySparkMissing", "jobs": 0}


def test_the_example_trains_on_what_spark_has_cleaned(spark_python: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "KUBEFLOW_STATE_DIR": str(tmp_path / "state")}
    command = [str(spark_python), str(ROOT / "examples" / "spark_to_training.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"Spark job clean-[0-9a-f]{4} cleans wine_data\.csv\.", lines[0])
    kept = re.fullmatch(r"(\d+) of 178 wines are kept, in file://\S+", lines[1])
    assert kept is not None
    assert 120 < int(kept[1]) < 178
    accuracy = re.search(r"not seen: (0\.\d+|1\.000), trained on (clean-[0-9a-f]{4})\.", lines[2])
    assert accuracy is not None
    assert float(accuracy[1]) > 0.9
    assert accuracy[2] in lines[0]
