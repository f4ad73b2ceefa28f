"""The built wheel, in an environment of its own: it trains and renders, and needs nothing of the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SCRIPT = """\
import sys
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient

def train(greeting):
    import torch.distributed as dist
    dist.init_process_group("gloo")
    print(greeting, dist.get_rank(), flush=True)
    dist.barrier()  # who leaves while another one still connects breaks its connection
    dist.destroy_process_group()

trainer = CustomTrainer(func=train, func_args={"greeting": "hello from"}, num_nodes=2)
client = TrainerClient(LocalProcessBackendConfig())
name = client.train(trainer=trainer)
client.wait_for_job_status(name, timeout=120)
print(*sorted(client.get_job_logs(name, step=None)), sep="\\n")
job = TrainerClient(KubernetesBackendConfig(offline=True)).train(trainer=trainer, dry_run=True)
print(job.to_yaml())
import kubeflow, kubeflow_api
print("modules", kubeflow.__file__, kubeflow_api.__file__)
print("codegen" in sys.modules, "jinja2" in sys.modules and "kubernetes" in sys.modules)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


def test_it_holds_both_packages_typed_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"kubeflow", "kubeflow_api"}
    assert {"kubeflow/py.typed", "kubeflow_api/py.typed", "kubeflow_api/trainer/v1alpha1/models.py"} <= set(names)


def test_it_trains_and_renders_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    zipfile.ZipFile(wheel).extractall(site)
    # Third-party packages are borrowed from this environment; its link to the checkout is not followed from there.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    command = [str(python), "-I", str(tmp_path / "script.py")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    assert "hello from 0" in result.stdout
    assert "hello from 1" in result.stdout
    assert "numNodes: 2" in result.stdout
    assert str(ROOT) not in result.stdout
    assert result.stdout.splitlines()[-1] == "False False"
