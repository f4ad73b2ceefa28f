"""The chain as a pipeline: search for a rate, train with it, serve the model."""

from typing import Any

from kubeflow.optimizer import GridSearch, Search, TrialConfig
from kubeflow.pipelines import component, dsl


def clean(spark: Any, rows: int) -> int:
    import os

    spark.range(rows).write.mode("overwrite").csv(os.environ["KUBEFLOW_OUTPUT"])
    return rows


def trial(rate: float, epochs: int) -> float:
    return (rate - 0.5) ** 2 / epochs


def fit(best: dict[str, float], epochs: int) -> float:
    import os
    from pathlib import Path

    rate = best["rate"]
    (Path(os.environ["KUBEFLOW_OUTPUT"]) / "model.txt").write_text(str(rate))
    return rate * epochs


def check(expected: float) -> str:
    import os
    from pathlib import Path

    found = float((Path(os.environ["KUBEFLOW_WORKSPACE"]) / "model" / "model.txt").read_text())
    return "the same" if found == expected else f"{found} and not {expected}"


clean_step = component("process_data", clean, makes="dataset", num_executors=2)
tune_step = component(
    "optimize",
    trial,
    search_space={"rate": Search.choice([0.25, 0.5])},
    algorithm=GridSearch(),  # both rates are tried: two draws would be 0.25 twice in every fourth search
    trial_config=TrialConfig(num_trials=2),
)
fit_step = component("train", fit, makes="model", num_nodes=1)
check_step = component("train", check, reads=["model"])
train_step = component("train", fit, name="fit_on_clean", reads=["dataset"], makes="model")
serve_step = component("serve", model_format="sklearn")


@dsl.pipeline(name="chain")
def chain(epochs: int = 4) -> str:
    best = tune_step(epochs=epochs)
    fitted = fit_step(best=best.output, epochs=epochs)
    return check_step(model=fitted.outputs["output"], expected=0.5).output


@dsl.pipeline(name="chain-with-service")
def served(epochs: int = 4, name: str = "iris") -> None:
    cleaned = clean_step(rows=150)
    best = tune_step(epochs=epochs)
    fitted = train_step(best=best.output, epochs=epochs, dataset=cleaned.outputs["output"])
    serve_step(name=name, model=fitted.outputs["output"])
