"""The notebooks of `examples/` do what they say, in kernels, and a real API server takes what they make for a cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.localspark.java_check import check_java
from tests.cluster.all_kinds import all_kinds, assert_taken
from tests.notebooks.notebook_runs import NAMES, Played, play

Play = Callable[[str], Played]
# Of each notebook, cells and what is to be read below them.
SHOWN = {
    "trainer": {
        "try-it": r"epoch 1: accuracy 0\.\d{3}\n\{'accuracy': 0\.\d+\}",
        "train": r"'train-digits-[0-9a-f]{4}'",
        "logs": r"(epoch \d: accuracy 0\.\d{3}\n){4}",
        "wait": r".*TrainJob\(name='train-digits-\w{4}', status='Complete', progress=100, .*",
        "result": r"\{'accuracy': 0\.9\d+\}",
        "output": r"Artifact\(uri='file:///.*/output', kind='model', format='sklearn', .*",
        "list": r".*train-digits-\w{4}.*Complete.*",
        "explain": r"TrainJob 'train-digits-\w{4}' is Complete: .*",
        "cluster": r"ResourceRequirements\(.*'memory': .*2Gi.*",
    },
    "optimizer": {
        "optimize": r"'fit-digits-[0-9a-f]{4}'",
        "wait": r".*OptimizationJob\(.*status='Complete'\)",
        "best": r"\(\{'learning_rate': .*, 'hidden': \d+, 'batch_size': \d+\}, *\n? *\(Metric\(name='accuracy'.*",
        "trials": r"0 (Complete|Stopped) \{'learning_rate': 0\.001, 'hidden': 32, 'batch_size': 64\} 0\.\d+\n.*\n2 .*",
        "explain": r"Search 'fit-digits-\w{4}' is Complete\n  3 of 3 trial\(s\) made: .*",
    },
    "hub": {
        "versions": r"1 \{'accuracy': .*\n2 .*\n3 .*file:///.*\n",
        "best": r"ModelVersion\(name='2', .*",
        "conflict": r"Version '2' of 'digits' has other content: metadata\['accuracy'\] is 0\.\d+ there, and 1\.0 here.*",
        "serve": r"apiVersion: serving\.kserve\.io/v1beta1\n.*storageUri: s3://models/digits/4\n.*",
        "initialize": r"Initializer\(model=.*s3://models/digits/4.*",
    },
    "kserve": {
        "serve": r".*Service\(name='digits', status='Ready', url='http://127.0.0.1:\d+'.*",
        "predict": r"3\d\d of 450 right\n",
        "http": r"\[\{'name': 'output-0', 'shape': \[1\], 'datatype': 'INT64', 'data': \[0\]\}\]",
        "update": r".*44\d of 450 right\n",
        "cluster": r"apiVersion: serving\.kserve\.io/v1beta1\n.*maxReplicas: 4\n.*",
    },
    "spark": {
        "process": r".*SparkJob\(.*status='Completed'.*",
        "result": r"\{'raw': 178, 'kept': 1\d\d\}",
        "output": r"Artifact\(uri='file:///.*', kind='dataset', format='parquet'.*",
        "train": r"\{'accuracy': 0\.9\d+\}",
        "cluster": r"\(4, '8192m'\)",
    },
    "pipelines": {
        "compile": r"apiVersion: .*\nkind: Role\n.*",
        "run": r".*0\.9\d+",
    },
    "fine_tune_llm": {
        "runtimes": r"torchtune-llama3\.2-1b +hf://meta-llama/Llama-3\.2-1B-Instruct +missing here: .*\n",
        "train": r"apiVersion: trainer.*- model\.lora_rank=4\n.*",
        "token": r"apiVersion: trainer.*HF_TOKEN.*",
        "mistake": r"lora_attn_modules knows q_proj, .*, not \['v_prj'\]\.\n",
    },
    "train_on_many_gpus": {
        "verify": r"rank 0 of 1 trains on 256 images\n\d\.\d+",
        "rehearse": r".*\[node-\d:rank1\] rank 1 of 2 trains on 898 images\n.*status='Complete'.*",
        "rehearsed": r"\d\.\d+",
        "cluster": r"\(100, \{'nvidia\.com/gpu': .*5.*\}\)",
    },
    "tune_llm": {
        "optimize": r"---\napiVersion: trainer.*- optimizer\.lr=.*- model\.lora_rank=[45678]\n.*loss\n.*",
        "rehearse": r".*Trial\(name='stand-in-\w{4}-\d', parameters=\{'lr': .*, 'lora_rank': \d\}.*",
    },
}  # fmt: skip
MADE = {
    "trainer": ["TrainJob"],
    "optimizer": ["Experiment"],
    "hub": ["InferenceService", "TrainJob"],
    "kserve": ["InferenceService"],
    "spark": ["ConfigMap", "SparkApplication"],
    "fine_tune_llm": ["TrainJob", "TrainJob"],
    "tune_llm": ["TrainJob"],
    "train_on_many_gpus": ["TrainJob"],
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Play:
    base = tmp_path_factory.getbasetemp()
    # One folder for all processes of xdist.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "notebooks"

    def playing(name: str) -> Played:
        if name == "spark":
            try:
                check_java(os.environ)
            except InvalidInput as missing:
                pytest.skip(f"no Java: {missing}")
        return play(name, shared)

    return playing


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_what_its_text_says(played: Play, name: str) -> None:
    cells = played(name).cells
    for cell, expected in SHOWN[name].items():
        assert re.fullmatch(expected, cells[cell], re.DOTALL), (cell, cells[cell])


def test_a_notebook_shows_how_far_jobs_and_searches_are(played: Play) -> None:
    assert re.search(r"train-digits-\w{4} Complete", played("trainer").displays["wait"])
    assert re.search(r"fit-digits-\w{4} (is )?Complete", played("optimizer").displays["wait"])


def test_a_real_api_server_takes_what_notebooks_make_for_a_cluster(played: Play, tmp_path: Path) -> None:
    with all_kinds(tmp_path) as wire:
        for name, kinds in MADE.items():
            made = played(name).objects()
            assert sorted(each["kind"] for each in made) == kinds, name
            for each in made:
                assert_taken(wire, each)
        large = next(each for each in played("train_on_many_gpus").objects())["spec"]["trainer"]
        assert (large["numNodes"], large["resourcesPerNode"]["limits"]) == (100, {"nvidia.com/gpu": "5"})
