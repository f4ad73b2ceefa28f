"""A Python with pyspark, above the packages of this environment, and the Java that it needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.localspark.java_check import check_java
from tests.locked_environment import locked_python


@pytest.fixture(scope="session")
def spark_python() -> Path:
    """Return an interpreter with the pyspark of `locks/spark.txt`; it is made once, and takes minutes then."""
    try:
        check_java(os.environ)
    except InvalidInput as missing:
        pytest.skip(f"no Java: {missing}")
    return locked_python("spark", above_ours=True)
