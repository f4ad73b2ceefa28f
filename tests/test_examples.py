"""The examples run. (`make demo` is one of them: CI runs it.)"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import yaml

from tests import container_engines
from tests.kfp_environment import kfp_environ, kfp_python

ROOT = Path(__file__).parents[1]


def run(python: Path, *args: str, cwd: Path) -> str:
    environ = kfp_environ(cwd / "state")
    command = [str(python), str(ROOT / "examples" / "pipeline.py"), *args]
    result = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_pipeline_compiles_and_runs_here_with_its_training_as_local_processes(tmp_path: Path) -> None:
    python = kfp_python()
    assert "ready" in run(python, cwd=tmp_path)
    spec = yaml.safe_load((tmp_path / "pipeline.yaml").read_text("utf-8"))
    assert set(spec["root"]["dag"]["tasks"]) == {"train", "judge"}

    output = run(python, "--local", cwd=tmp_path)
    assert "epoch 19: loss" in output
    assert output.rstrip().endswith("the model is good")


def test_the_digits_example_shows_its_steps_writes_a_picture_and_the_yaml_and_no_noise(tmp_path: Path) -> None:
    environ = {**os.environ, "KUBEFLOW_STATE_DIR": str(tmp_path / "state")}
    command = [sys.executable, str(ROOT / "examples" / "digits.py")]
    result = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()

    step = re.compile(r"\[ *[\d.]+ s\] (.*)")
    steps = [match[1] for line in lines if (match := step.fullmatch(line))]
    bars = [text for text in steps if text.startswith("[")]
    job = re.fullmatch(r"Job (\S+) runs train_digits\(\) on 2 nodes of this machine\.", steps[0])
    assert job
    assert "[--------------------]   0 %  nodes start and import PyTorch" in bars[0]
    assert re.fullmatch(r"\[#{20}\] 100 %  training, loss 0\.\d+", bars[-1])
    assert [text.partition(":")[0] for text in steps if text not in bars][1:] == [
        "Accuracy on 450 digits that the model has not seen",
        "Picture of the loss and of what the model reads",
        "The same job for a cluster",
        "Try next",
    ]
    plain = sorted(line for line in lines if not step.fullmatch(line) and line.startswith("  ["))
    assert plain == [
        "  [node-0:rank0] rank 0 of 2 trains on 674 images",
        "  [node-1:rank1] rank 1 of 2 trains on 673 images",
    ]
    assert f'TrainerClient(LocalProcessBackendConfig()).explain("{job[1]}")' in result.stdout
    assert max(map(len, lines)) <= 140

    manifest = (tmp_path / "digits-demo" / "trainjob.yaml").read_text("utf-8")
    assert yaml.safe_load(manifest)["spec"]["trainer"]["numNodes"] == 2
    assert manifest.splitlines()[0] == "apiVersion: trainer.kubeflow.org/v1alpha1"
    assert f"  {manifest.splitlines()[0]}" in lines
    width, height, rows = png((tmp_path / "digits-demo" / "digits.png").read_bytes())
    colours = {row[1 + place : 4 + place] for row in rows for place in range(0, 3 * width, 3)}
    assert (width, height, {row[0] for row in rows}) == (760, 400, {0})
    assert {b"\xff\xff\xff", b"\x1f\x77\xb4", b"\x18\x80\x3c"} <= colours  # paper, curve, right predictions


def test_the_search_of_the_example_beats_the_default(tmp_path: Path) -> None:
    """`KUBEFLOW_TEST_TUNE_TRIALS=20` runs it as it is meant; fewer trials take less of a minute."""
    trials = os.environ.get("KUBEFLOW_TEST_TUNE_TRIALS", "6")
    environ = {**os.environ, "KUBEFLOW_STATE_DIR": str(tmp_path / "state")}
    command = [sys.executable, str(ROOT / "examples" / "tune.py"), trials]

    result = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=900
    )

    assert result.returncode == 0, result.stdout + result.stderr
    found = re.findall(r"^the (default|best trial): accuracy ([\d.]+) with", result.stdout, re.MULTILINE)
    accuracy = {words: float(number) for words, number in found}
    assert accuracy["best trial"] > accuracy["default"] + 0.1
    ended = re.findall(r"^\S+: trial (\d+) ", result.stderr, re.MULTILINE)
    assert sorted(map(int, ended)) == list(range(int(trials)))  # a line for each


def png(data: bytes) -> tuple[int, int, list[bytes]]:
    """Return width, height and rows of a PNG of 8-bit RGB without interlace, and hold its checksums to its chunks."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: list[tuple[bytes, bytes]] = []
    data = data[8:]
    while data:
        (length,) = struct.unpack(">I", data[:4])
        kind, content, checksum = data[4:8], data[8 : 8 + length], data[8 + length : 12 + length]
        assert struct.pack(">I", zlib.crc32(kind + content)) == checksum
        chunks.append((kind, content))
        data = data[12 + length :]
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">IIBBBBB", chunks[0][1])
    assert form == [8, 2, 0, 0, 0]
    pixels = zlib.decompress(chunks[1][1])
    assert len(pixels) == height * (1 + 3 * width)
    return width, height, [pixels[at : at + 1 + 3 * width] for at in range(0, len(pixels), 1 + 3 * width)]


def test_the_digits_example_runs_in_containers(tmp_path: Path) -> None:
    found = container_engines.engine("docker")
    environ = {
        **os.environ,
        "KUBEFLOW_STATE_DIR": str(tmp_path / "state"),
        "KUBEFLOW_BACKEND": "container",
        "CONTAINER_HOST": found.host,
        "IMAGE": container_engines.IMAGE,
    }
    environ.pop("DOCKER_HOST", None)
    command = [sys.executable, str(ROOT / "examples" / "digits.py")]
    result = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Accuracy on 450 digits that the model has not seen" in result.stdout
    assert "training, loss 0." in result.stdout  # the image has no SDK, and still reports
    assert (tmp_path / "digits-demo" / "digits.png").exists()


def test_the_digits_example_says_what_to_do_where_there_is_no_engine(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "KUBEFLOW_BACKEND": "container",
        "KUBEFLOW_STATE_DIR": str(tmp_path / "state"),
        "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock",
    }
    command = [sys.executable, str(ROOT / "examples" / "digits.py")]
    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "DOCKER_HOST names an engine" in result.stderr
