"""Models of tables: scikit-learn, XGBoost, LightGBM. Loaded and asked as KServe's own servers do.

Source: https://github.com/kserve/kserve, python/sklearnserver, python/xgbserver, python/lgbserver.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.tensors import TensorSpec
from kubeflow.kserve.server.loaded_models import ModelCall, check_features

PROBABILITIES_VARIABLE = "PREDICT_PROBA"
"""Environment variable of KServe's sklearnserver: `true` makes it answer with `predict_proba`."""


class TabularModel:
    """A model that takes one matrix and returns one array.

    Args:
        platform: What metadata calls its kind.
        predict: Called with an array or a data frame.
        features: Columns that it was trained with; `None` when it does not tell.
    """

    def __init__(self, platform: str, predict: Callable[[Any], object], features: int | None) -> None:
        self.platform = platform
        self._predict = predict
        self._features = features
        self.threads = 0

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """Nothing: such a model takes numbers of any type, and does not name its matrix."""
        return ()

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """Nothing: the type of what it returns is known when it has."""
        return ()

    def predict(self, call: ModelCall) -> object:
        """Return what the model predicts."""
        given = call.matrix()
        check_features(given, self._features)
        try:
            return self._predict(given)
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"the model does not take it: {error}") from error


def load_sklearn(path: Path) -> TabularModel:
    """Load a file of joblib or pickle, which runs code that is in it."""
    model: Any = import_module("joblib").load(path)
    name = "predict"
    if os.environ.get(PROBABILITIES_VARIABLE, "").lower() == "true":
        name = "predict_proba"
    if not hasattr(model, name):
        raise InvalidInput(f"{path.name} holds a {type(model).__name__}, which has no {name}(): save an estimator.")
    features = getattr(model, "n_features_in_", None)
    texts = _takes_texts(model)
    return TabularModel("sklearn", getattr(model, name), None if texts else features)


def _takes_texts(model: object) -> bool:
    """Return True for a pipeline that begins with a vectorizer of texts, whose input is no matrix."""
    steps: Any = getattr(model, "steps", None)
    return hasattr(steps[0][1] if steps else model, "build_analyzer")


def load_xgboost(path: Path) -> TabularModel:
    """Load a booster."""
    xgboost: Any = import_module("xgboost")
    booster = xgboost.Booster(model_file=str(path))

    def predict(given: Any) -> object:
        return booster.predict(xgboost.DMatrix(given), validate_features=hasattr(given, "columns"))

    return TabularModel("xgboost", predict, booster.num_features())


def load_lightgbm(path: Path) -> TabularModel:
    """Load a booster."""
    booster = import_module("lightgbm").Booster(model_file=str(path))
    return TabularModel("lightgbm", booster.predict, booster.num_feature())
