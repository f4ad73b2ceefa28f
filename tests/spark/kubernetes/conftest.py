"""A namespace of its own for each test of a cluster with the Spark Operator."""

from __future__ import annotations

import pytest

from tests.cluster.spark.sparkstage import Home, SparkCluster, new_home


@pytest.fixture
def home(spark_cluster: SparkCluster) -> Home:
    return new_home(spark_cluster)
