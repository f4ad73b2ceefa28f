"""Credentials are found wherever a bundle could hold them, told without their value; what only looks alike passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubeflow.packaging import PackagingError, bundle
from tests.packaging.cases import plain
from tests.packaging.test_packages import project, session

# Made up, in the format of the real thing. Put together here, so that scanners of this repository find no token.
HF = "hf_" + "pQ3zL8vN5kR2wX7yTb4mGc9dHs6jFa1e"
GITHUB = "ghp_" + "pQ3zL8vN5kR2wX7yTb4mGc9dHs6jFa1eUo0i"
OPENAI = "sk-proj-" + "pQ3zL8vN5kR2wX7yTb4mGc9d"
WANDB = "9f3b1c7e" + "5a2d8e4f6b0c1d3e" + "7f9a2b4c6d8e0f1a"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
KEY = (
    "-----BEGIN "
    + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"
)

PLACES = {
    "global": (f"TOKEN = {HF!r}\ndef train(): return TOKEN", "global TOKEN (session.py:1)"),
    "global by its name": (f"WANDB_API_KEY = {WANDB!r}\ndef train(): return WANDB_API_KEY", "global WANDB_API_KEY (session.py:1)"),
    "dict like an environment": (f"ENV = {{'HF_TOKEN': {HF!r}}}\ndef train(): return ENV", "global ENV['HF_TOKEN'] (session.py:1)"),
    "bytes": (f"RAW = {HF.encode()!r}\ndef train(): return RAW", "global RAW (session.py:1)"),
    "array": (f"import numpy\nA = numpy.array([{HF!r}])\ndef train(): return A", "global A (session.py:2)"),
    "closure": (f"def make(k):\n  def train(): return k\n  return train\ntrain = make({HF!r})", "closure variable k"),
    "closure by its name": ("def make(password):\n  def train(): return password\n  return train\ntrain = make('s3cr3t-horse')", "closure variable password"),
    "partial": (f"import functools\ndef f(a): return a\ntrain = functools.partial(f, {HF!r})", "argument #1 of the partial"),
    "keyword of a partial": (f"import functools\ndef f(api_key): return 1\ntrain = functools.partial(f, api_key='k3y-{WANDB[:9]}')", "argument api_key"),
    "default": (f"def train(token={HF!r}): return 1", "the value of token (session.py:1)"),
    "keyword-only default": ("def train(*, db_password='s3cr3t-horse'): return 1", "the value of db_password (session.py:1)"),
    "literal": (f"def train():\n    login({HF!r})\nlogin = print", "a token or key (session.py:2)"),
    "keyword": ("def train():\n    connect(password='s3cr3t-horse')\nconnect = print", "the value of password (session.py:2)"),
    "concatenated": (f"def train():\n    return {HF[:9]!r} + {HF[9:]!r}", "a token or key (session.py:2)"),
    "comment": (f"def train():\n    return 1  # {GITHUB}", "a token or key (session.py:2)"),
    "environment": (f"import os\ndef train():\n    os.environ['WANDB_API_KEY'] = {WANDB!r}", "the value of WANDB_API_KEY (session.py:3)"),
    "default of getenv": (f"import os\ndef train():\n    return os.getenv('WANDB_API_KEY', {WANDB!r})", "the value of WANDB_API_KEY (session.py:3)"),
    "class body": (f"class C:\n    api_key = {WANDB!r}\ndef train(): return C.api_key", "the value of api_key (session.py:2)"),
    "instance": (f"class C:\n    def __init__(self):\n        self.k = 1\nc = C()\nc.client_secret = 'x9-{WANDB[:12]}'\ndef train(): return vars(c)", "global c.client_secret (session.py:4)"),
    "dataclass": (f"import dataclasses\n@dataclasses.dataclass\nclass C:\n    token: str\nc = C({HF!r})\ndef train(): return c.token", "global c.token (session.py:5)"),
    "URL": ("URL = 'postgres://ada:s3cr3t-horse@db.internal/x'\ndef train(): return URL", "global URL (session.py:1)"),
    "header": (f"H = {{'Authorization': 'Bearer {WANDB}'}}\ndef train(): return H", "global H['Authorization']"),
    "module": ("import settings\ndef train(): return settings", "the value of API_KEY (settings.py:2)"),
    "module of a test folder that is imported": ("import tests.keys as k\ndef train(): return k", "the value of K (tests/keys.py:1)"),
    "rest of a package": ("import pkg\ndef train(): return pkg", "the value of password (pkg/conf.yaml:2)"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_credential_is_found_where_it_lies_and_not_repeated(place: str, tmp_path: Path) -> None:
    text, words = PLACES[place]
    root = project(tmp_path / "p", {
        "settings.py": f"A = 1\nAPI_KEY = {OPENAI!r}\n", "tests/keys.py": f"K = {HF!r}\n",
        "pkg/__init__.py": "", "pkg/conf.yaml": "user: ada\npassword: s3cr3t-horse\n", "pkg/tests/fixture.py": f"FAKE = {HF!r}\n",
    })  # fmt: skip
    error = str(session(root, text)["error"])
    assert words in error, error
    assert "Kubernetes Secret" in error
    for value in (HF, GITHUB, OPENAI, WANDB, "s3cr3t-horse", HF[9:]):
        assert value not in error
    assert "for 1 reason" in error, error


FINE = """
import os, hashlib
HF_TOKEN = "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
TOKEN = "<your token>"
API_KEY = "your-api-key-here"
OPENAI_API_KEY = os.environ.get("OPENAI_API_KEY", "")
API_KEY_VARIABLE = "WANDB_API_KEY"
api_key = "OPENAI_API_KEY"
AWS = "AKIAIOSFODNN7EXAMPLE"
secret = "my-kubernetes-secret"
secret_name = "wandb-credentials-2024"
password = "changeme"
password_field = "input#password"
PASSWORD_PROMPT = "Enter your password:"
tokens = ["<pad>", "<|endoftext|>", "[MASK]"]
pad_token = "<|padding_token_00|>"
token = "Hello, world, this is a long sentence"
max_tokens = "2048tokens"
tokenizer = "meta-llama/Llama-3.2-1B-Instruct"
private_key = "/etc/ssl/private/server.key"
credentials = "~/.aws/credentials"
COMMIT = "9f3b1c7e5a2d8e4f6b0c1d3e7f9a2b4c6d8e0f1a"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
UUID = "123e4567-e89b-12d3-a456-426614174000"
URL = "https://user:password@localhost:5432/db"
DSN = "postgres://{user}:{password}@{host}/db"
LONG = "sk-learn-pipeline-with-a-very-long-name-indeed"
BEGIN = "-----BEGIN PRIVATE KEY-----"
key = "model.layers.0.self_attn.q_proj.weight"
author = "AdaLovelaceTheFirst1815"
access_key = None
my_password = "correct horse battery staple!1"  # not a secret
def train(api_key="k3y-9f3b1c7e5a2d", hf_token=None):  # not a secret
    return [HF_TOKEN, TOKEN, API_KEY, OPENAI_API_KEY, API_KEY_VARIABLE, api_key, AWS, secret, secret_name, password, password_field,
        PASSWORD_PROMPT, tokens, pad_token, token, max_tokens, tokenizer, private_key, credentials, COMMIT, SHA256, UUID, URL, DSN,
        LONG, BEGIN, key, author, access_key, my_password]
"""


def test_what_only_looks_like_a_credential_passes(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {})
    root.mkdir()
    said = session(root, FINE, "{'args': {'api_key': 'k3y-9f3b1c7e5a2d'}}")
    assert said["error"] == ""
    (tmp_path / "q").mkdir()
    body = FINE.replace('def train(api_key="k3y-9f3b1c7e5a2d", hf_token=None):  # not a secret', "def train():")
    lines = [line for line in body.splitlines() if "=" in line and "(" not in line]
    inside = "def train():\n    import os\n" + "".join(f"    {line}\n" for line in lines)
    assert session(tmp_path / "q", inside)["error"] == ""


WORKSPACE = {
    ".env.example": ("HF_TOKEN=hf_your_token_here\nPASSWORD=abcd1234efgh\n", ""),
    "ca.pem": ("-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END CERTIFICATE-----\n", ""),
    "tests/fixtures/token.json": (json.dumps({"token": HF}), ""),
    "vocab.json": (json.dumps({"password": 1234, "token": 5, "secret": 17}), ""),
    "requirements.txt": ("torch==2.1 --hash=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", ""),
    "config.yaml": ("auth:\n  secretName: my-secret\n  passwordKey: db-password\n  api_key: ${API_KEY}\n", ""),
    "notes.md": ("Set `password: yourpassword` in the file.\n", ""),
    "tls.pem": ("header\n" + KEY, "tls.pem:2"),
    "kubeconfig": (f"users:\n- user:\n    token: {JWT}\n", "kubeconfig:3"),
    "service-account.json": (json.dumps({"type": "service_account", "private_key": KEY}), "service-account.json:1"),
    "settings.toml": ("[db]\npassword = 's3cr3t-horse'\n", "settings.toml:2"),
    "run.sh": (f"export WANDB_API_KEY={WANDB}\n", "run.sh:1"),
    "conf/prod.env": ("LR=1\nDB_PASSWORD=s3cr3t-horse\n", "conf/prod.env:2"),
    "nb.ipynb": (json.dumps({"cells": [{"source": [f"login('{HF}')"]}]}), "nb.ipynb:1"),
    ".netrc": ("machine x login y password z", "file .netrc: it usually holds credentials"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKSPACE)
def test_files_of_a_workspace(name: str, tmp_path: Path) -> None:
    text, words = WORKSPACE[name]
    project(tmp_path, {name: ""})
    (tmp_path / name).write_text(text)
    if not words:
        assert bundle(plain.version, code_dir=tmp_path).digest
        return
    with pytest.raises(PackagingError) as caught:
        bundle(plain.version, code_dir=tmp_path)
    assert words in str(caught.value)
    for value in (HF, JWT, WANDB, "s3cr3t-horse", "MIIEvQ"):
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"api_key": f"k3y-{WANDB[:12]}"}, "option --api_key"),
        (["--lr", "0.1", "--password", "s3cr3t-horse"], "option --password"),
        (["--wandb-api-key=" + WANDB], "option --wandb_api_key"),
        ([HF], "word 1 of the command line"),
    ],
)
def test_the_command_line_of_a_script(args: dict[str, object] | list[str], words: str, tmp_path: Path) -> None:
    project(tmp_path, {"train.py": "print(1)\n"})
    with pytest.raises(PackagingError) as caught:
        bundle(tmp_path / "train.py", args=args)
    assert words in str(caught.value)
    assert "s3cr3t-horse" not in str(caught.value)
    fine = ["--token", "<eos>", "--api-key-env", "WANDB_API_KEY", "--password-file", "/run/secrets/db", "--lr=0.1"]
    assert bundle(tmp_path / "train.py", args=fine).digest


def test_scripts_and_modules_are_read_with_what_they_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, {"app/__init__.py": "", "app/run.py": "from app import keys\n", "app/keys.py": f"K = {HF!r}\n",
                       "train.py": "import app.keys\n"})  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for how in ({"target": "train.py"}, {"module": "app.run"}):
        with pytest.raises(PackagingError, match=r"the value of K \(app/keys.py:1\)"):
            bundle(**how)  # type: ignore[arg-type]  # (one of two ways)


def test_what_cloudpickle_packs_hides_nothing() -> None:
    pytest.importorskip("cloudpickle")
    for name, value in (("x", HF), ("wandb_api_key", WANDB)):
        space: dict[str, object] = {name: value}
        exec(f"def train(): return {name}", space)
        train = space["train"]
        assert callable(train)
        with pytest.raises(PackagingError, match="what cloudpickle packed: it looks like a credential"):
            bundle(train, serializer="cloudpickle")
    space = {"model_name": "resnet-50-v1.5-imagenet-2024", "api_key_name": "WANDB_API_KEY"}
    exec("def train(): return model_name, api_key_name, 'password'", space)
    train = space["train"]
    assert callable(train)
    assert bundle(train, serializer="cloudpickle").digest
