"""Clean a data set with Spark, and train on what it wrote: two clients, one script, one machine.

It needs Java 17 or later and `pip install 'kubeflow[spark]' scikit-learn`:

    python examples/spark_to_training.py
"""

import os
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from kubeflow.spark import SparkClient
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SOURCE = files("sklearn.datasets").joinpath("data", "wine_data.csv")  # 178 wines of three vineyards, 13 measurements


MEASURED = (
    *("alcohol", "malic_acid", "ash", "alcalinity", "magnesium", "phenols", "flavanoids", "nonflavanoids"),
    *("proanthocyanins", "color", "hue", "od280", "proline"),
)


def clean(spark: "SparkSession", source: str) -> dict[str, int]:
    """Write the wines as parquet, without doubles and without those of which a measurement is far off."""
    from pyspark.sql import functions as f

    schema = ", ".join([*(f"{name} double" for name in MEASURED), "vineyard int"])
    raw = spark.read.csv(source, schema=schema, header=True).cache()
    kept = raw.dropDuplicates().dropna()
    middle = kept.select(*(f.median(name).alias(name) for name in MEASURED)).first()
    assert middle is not None
    for name in MEASURED:
        kept = kept.filter(f.col(name) < 2.5 * middle[name])
    kept.coalesce(1).write.mode("overwrite").parquet(os.environ["KUBEFLOW_OUTPUT"])
    return {"raw": raw.count(), "kept": kept.count()}


def train(folder: str) -> dict[str, float]:
    """Return the accuracy on wines that the model has not seen."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    wines = pd.read_parquet(folder)
    measured, vineyard = wines.drop(columns="vineyard"), wines["vineyard"]
    x_train, x_test, y_train, y_test = train_test_split(measured, vineyard, test_size=0.3, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x_train, y_train)
    return {"accuracy": float(model.score(x_test, y_test)), "wines": float(len(wines))}


def main() -> None:
    here = LocalProcessBackendConfig()
    spark = SparkClient(here)
    cleaning = spark.process_data(
        clean,
        args={"source": str(SOURCE)},
        num_executors=2,
        resources_per_executor={"cpu": 1, "memory": "512Mi"},
        spark_conf={"spark.sql.shuffle.partitions": "2"},
    )
    print(f"Spark job {cleaning} cleans {SOURCE.name}.")
    spark.wait_for_job_status(cleaning)
    counts: Mapping[str, int] = spark.get_job_result(cleaning)
    wines = spark.get_job_output(cleaning, format="parquet")
    print(f"{counts['kept']} of {counts['raw']} wines are kept, in {wines.uri}")

    trainer = TrainerClient(here)
    training = trainer.train(train_func=train, func_args={"folder": str(wines.path)})
    trainer.wait_for_job_status(training)
    result = trainer.get_job_result(training)
    print(
        f"Accuracy on wines that the model has not seen: {result['accuracy']:.3f}, trained on {wines.metadata['job']}."
    )


if __name__ == "__main__":
    main()
