"""From data to predictions in one script: prepare data, tune, train, register, serve, predict.

`make demo` runs it on this machine; so does `python examples/lifecycle.py` after `pip install '.[examples,serving]'`.
`python examples/lifecycle.py --backend kubernetes --dry-run` prints what the same calls make on a cluster.
"""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from digits_display import say
from sklearn.datasets import load_digits

from kubeflow.hub import ModelRegistryClient
from kubeflow.kserve import KServeClient
from kubeflow.optimizer import Objective, OptimizerClient, Search, TrialConfig
from kubeflow.spark import SparkClient
from kubeflow.trainer import (
    Artifact,
    CustomTrainer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
    TrainJobTemplate,
)


def prepare(folder: str, spark: Any = None) -> int:
    """Write 1,797 real scans of digits as CSV: 64 columns of ink from 0 to 1, and the digit."""
    from pathlib import Path

    from sklearn.datasets import load_digits

    scans: Any = load_digits(return_X_y=True)
    images, digits = scans
    rows = [[*map(float, image / 16), float(digit)] for image, digit in zip(images, digits, strict=True)]
    if spark is not None:
        spark.createDataFrame(rows).write.mode("overwrite").csv(folder)
    else:
        (Path(folder) / "digits.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return len(rows)


def fit(penalty: float, width: float) -> dict[str, float]:
    """Fit a classifier to the dataset that was fetched, and leave it where the output of the job goes."""
    import os
    import pickle
    from pathlib import Path

    import numpy as np
    from sklearn.svm import SVC

    dataset = Path(os.environ.get("KUBEFLOW_WORKSPACE", "/workspace")) / "dataset"
    rows = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(dataset.rglob("*.csv"))])
    held_out = np.arange(len(rows)) % 4 == 0
    model = SVC().set_params(C=penalty, gamma=width).fit(rows[~held_out, :-1], rows[~held_out, -1].astype(int))
    if output := os.environ.get("KUBEFLOW_OUTPUT"):
        (Path(output) / "model.pkl").write_bytes(pickle.dumps(model))
    return {"accuracy": float(model.score(rows[held_out, :-1], rows[held_out, -1]))}


SPACE = {"penalty": Search.loguniform(1, 100), "width": Search.loguniform(0.001, 1)}
GOAL, TRIALS = [Objective("accuracy", "maximize")], TrialConfig(num_trials=4, parallel_trials=2)


def run() -> None:
    """Run the chain on this machine; each step takes what the one before has made."""
    here = LocalProcessBackendConfig()
    trainer, optimizer, services = TrainerClient(here), OptimizerClient(here), KServeClient(here)

    data = Artifact.at("lifecycle-demo/digits", "dataset", "csv")
    if importlib.util.find_spec("pyspark") and shutil.which("java"):
        spark = SparkClient(here)
        spark.wait_for_job_status(spark.process_data(prepare, args={"folder": str(data.path)}))
    else:  # plain Python will do
        written = trainer.train(train_func=prepare, func_args={"folder": str(data.path)}, output=data)
        trainer.wait_for_job_status(written)
        data = trainer.get_job_output(written)
    say(f"Data: {data.uri}")

    trial = TrainJobTemplate(CustomTrainer.call(fit, **SPACE), initializer=data)
    search = optimizer.optimize(trial, objectives=GOAL, trial_config=TRIALS)
    best = optimizer.wait_for_job_status(search).best_trial
    assert best is not None
    say(f"Tuned with {TRIALS.num_trials} trials: {dict(best.parameters)} is best.")

    job = trainer.train(initializer=data, trainer=CustomTrainer(fit, best.parameters))
    trainer.wait_for_job_status(job)
    model = trainer.get_job_output(job, format="sklearn")
    say(f"Trained to an accuracy of {100 * trainer.get_job_result(job)['accuracy']:.1f} %: {model.uri}")

    registry = ModelRegistryClient()
    registry.register_model("digits", model, version=job)
    version = registry.get_model_version("digits", "latest")
    say(f"Registered version {version.name} of model 'digits', of job {version.external_id}")

    service = services.serve(f"digits-{job[-4:]}", model=version)
    services.wait_for_service_status(service)
    say(f"Served as {service}.")
    images, digits = cast("tuple[Any, Any]", load_digits(return_X_y=True))
    found = np.asarray(services.predict(service, images[::4] / 16))
    say(f"Predicted digits that the model has not seen: {(found == digits[::4]).sum()} of {len(found)} right.")
    services.delete_service(service)


def objects() -> Iterator[Any]:
    """Make the same calls for a cluster, and yield what each would send: the objects, one after the other."""
    cluster = KubernetesBackendConfig(offline=True)
    data = Artifact("s3://lifecycle/digits", "dataset", "csv")  # Spark writes it, initializers fetch it
    model = Artifact("pvc://models/digits", "model", "sklearn")  # a claim: mounted for the job, and for the service
    needs = ["scikit-learn"]

    yield SparkClient(cluster).process_data(
        prepare, args={"folder": "s3a://lifecycle/digits"}, packages_to_install=needs, dry_run=True
    )
    trial = TrainJobTemplate(CustomTrainer(fit, packages_to_install=needs), initializer=data)
    trials: Any = OptimizerClient(cluster, engine="client").optimize(
        trial, search_space=SPACE, objectives=GOAL, trial_config=TRIALS, name="digits", dry_run=True
    )
    yield from trials  # the jobs of the first ones
    trained = CustomTrainer(fit, {"penalty": 1.0, "width": 0.05}, packages_to_install=needs)
    yield TrainerClient(cluster).train(initializer=data, trainer=trained, output=model, dry_run=True)
    yield KServeClient(cluster).serve("digits", model=model, dry_run=True)


if __name__ == "__main__":
    if "--dry-run" in sys.argv:
        for made in objects():
            print("---", made.to_yaml(), sep="\n")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        run()
