"""Models of each format, trained once; a service on this machine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubeflow.kserve import KServeClient
from kubeflow.trainer import LocalProcessBackendConfig

FEATURES = np.array([[5.1, 3.5], [6.2, 2.9], [4.9, 3.0], [6.7, 3.1]], dtype="float32")
CLASSES = np.array([0, 1, 0, 1])


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each format, and a model of that format in it."""
    import joblib
    import lightgbm
    import torch
    import xgboost
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    place = tmp_path_factory.mktemp("models")
    for name in ("sklearn", "xgboost", "lightgbm", "onnx", "pytorch"):
        (place / name).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = LogisticRegression().fit(FEATURES, CLASSES)
        joblib.dump(estimator, place / "sklearn" / "model.joblib")
        onnx: Any = to_onnx(estimator, FEATURES[:1], options={"zipmap": False})
        (place / "onnx" / "model.onnx").write_bytes(onnx.SerializeToString())
        booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(FEATURES, CLASSES), 5)
        booster.save_model(place / "xgboost" / "model.ubj")
        light = lightgbm.train(
            {"objective": "binary", "min_data_in_leaf": 1, "min_data_in_bin": 1, "verbose": -1},
            lightgbm.Dataset(FEATURES, CLASSES),
            5,
        )
        light.save_model(place / "lightgbm" / "model.bst")
        torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 3))).save(str(place / "pytorch" / "model.pt"))
    return place


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def client(state: Path) -> Iterator[KServeClient]:
    made = KServeClient(LocalProcessBackendConfig(state_dir=state, grace=2))
    yield made
    for service in made.list_services():
        made.delete_service(service)
