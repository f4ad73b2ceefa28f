"""How a Spark job lies on this machine, and the words that tell Spark so."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.localspark.java_check import check_java
from kubeflow.spark.backends.localspark.local_size import LocalSize, local_size
from kubeflow.spark.backends.localspark.submit_line import (
    check_no_conflict,
    local_environment,
    local_settings,
    without_other_sparks,
)
from kubeflow.spark.errors import JavaMissing, JavaTooOld, Unsupported
from kubeflow.spark.jobs.spark_spec import MavenDependencies
from kubeflow.spark.types.node_sizes import NodeSize

GIB = 2**30


def size(executors: int | None, driver: NodeSize, executor: NodeSize) -> LocalSize:
    return local_size(executors, driver, executor, cpus=8, memory=16 * GIB, gpus=1)


def test_all_cpus_and_the_default_heap_where_nothing_is_said() -> None:
    assert size(None, NodeSize(), NodeSize()) == LocalSize(threads=8, pinned=False, heap=None)


def test_executors_are_threads_and_their_memory_is_one_heap() -> None:
    made = size(2, NodeSize(memory=GIB), NodeSize(cores=3, memory=2 * GIB))
    assert made == LocalSize(threads=6, pinned=True, heap=5 * GIB)


def test_what_is_not_there_is_said() -> None:
    made = size(4, NodeSize(), NodeSize(cores=4, memory=8 * GIB))
    assert (made.threads, made.heap) == (8, 12 * GIB)
    assert [reason for reason, _ in made.notes] == ["CPUsNotThere", "MemoryNotThere"]


@given(
    st.integers(1, 64), st.integers(1, 64), st.integers(1, 64 * GIB), st.integers(1, 64), st.integers(GIB, 512 * GIB)
)
def test_a_job_never_gets_more_than_there_is(executors: int, cores: int, heap: int, cpus: int, memory: int) -> None:
    made = local_size(executors, NodeSize(), NodeSize(cores=cores, memory=heap), cpus=cpus, memory=memory, gpus=0)
    assert made.threads == min(executors * cores, cpus)
    assert made.heap is not None
    assert made.heap <= memory
    assert any(reason == "CPUsNotThere" for reason, _ in made.notes) == (executors * cores > cpus)


def test_devices_that_are_not_there_are_refused() -> None:
    with pytest.raises(InvalidInput, match="this machine has 1"):
        size(2, NodeSize(), NodeSize(gpus=1, gpu_name="nvidia.com/gpu"))
    with pytest.raises(Unsupported, match=r"amd\.com/gpu"):
        size(1, NodeSize(), NodeSize(gpus=1, gpu_name="amd.com/gpu"))


def test_settings_reach_spark_word_by_word_whatever_is_in_them() -> None:
    hostile = "a b; $(touch /tmp/p) 'q' \"r\" \\"
    words = local_settings(
        LocalSize(2, pinned=True, heap=GIB),
        {"spark.x": hostile, "spark.jars.packages": "a:b:1"},
        name="clean",
        driver_java="-XX:+UseG1GC",
        executor_java=None,
        maven=MavenDependencies(("c:d:2",), repositories=("https://maven.example.com",)),
    )
    made = local_environment({}, words, python="/usr/bin/python3", temporary="/job/tmp", conf={})
    read = shlex.split(made["PYSPARK_SUBMIT_ARGS"])
    assert read[:4] == ["--master", "local[2]", "--driver-memory", "1024m"]
    assert read[-1] == "pyspark-shell"
    settings = dict(word.split("=", 1) for flag, word in itertools.pairwise(read) if flag == "--conf")
    assert settings["spark.x"] == hostile
    assert settings["spark.jars.packages"] == "a:b:1,c:d:2"
    assert settings["spark.driver.extraJavaOptions"] == "-XX:+UseG1GC"
    assert (made["SPARK_API_MODE"], made["SPARK_LOCAL_IP"]) == ("classic", "127.0.0.1")
    assert made["SPARK_LOCAL_DIRS"] == "/job/tmp"


def test_a_session_of_a_job_is_never_one_of_another_spark() -> None:
    assert without_other_sparks({"SPARK_REMOTE": "sc://elsewhere", "HOME": "/root"}) == {"HOME": "/root"}


def test_a_heap_that_is_said_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"spark\.driver\.memory"):
        check_no_conflict({"spark.driver.memory": "2g"}, LocalSize(1, pinned=True, heap=GIB))


def java(folder: Path, said: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\n", "utf-8")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("said", ['openjdk version "17.0.15" 2025-04-15', 'java version "21" 2023-09-19 LTS'])
def test_a_java_that_is_new_enough_is_taken_from_java_home_first(tmp_path: Path, said: str) -> None:
    program = java(tmp_path, said)
    assert check_java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"}) == str(program)


@pytest.mark.parametrize(
    ("said", "version"), [('java version "1.8.0_412"', "8"), ('openjdk version "11.0.23" 2024-04-16', "11")]
)
def test_an_old_java_is_refused_with_its_version(tmp_path: Path, said: str, version: str) -> None:
    program = java(tmp_path, said)
    with pytest.raises(JavaTooOld, match=f"Java 17 or later.*is Java {version}") as refused:
        check_java({"PATH": str(program.parent)})
    assert refused.value.version == version


def test_where_there_is_no_java_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(JavaMissing, match="apt-get install"):
        check_java({"PATH": str(tmp_path)})
    with pytest.raises(JavaMissing, match="JAVA_HOME is"):
        check_java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"})
    java(tmp_path, "The operation could not be completed. Unable to locate a Java Runtime.")
    with pytest.raises(JavaMissing, match="does not say"):
        check_java({"JAVA_HOME": str(tmp_path)})
