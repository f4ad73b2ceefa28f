"""Requirements as people write them: each becomes a line of a requirements file, or a finding that says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.packaging import PackagingError, bundle
from kubeflow.packaging.requirements.index_urls import has_credentials, masked
from kubeflow.packaging.requirements.requirement_lines import parse_line, read_requirements
from tests.local.wheels import add_project, add_wheel


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: wheels, projects and files of requirements."""
    monkeypatch.chdir(tmp_path)
    add_project(tmp_path / "pkg", "some_pkg", "text")
    add_wheel(tmp_path / "wheels", "tiny").rename(tmp_path / "tiny-1.0-py3-none-any.whl")
    (tmp_path / "code").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "# packages\n\nnumpy>=1.26  # numbers\n-r sub/more.txt\n"
        "scipy==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n--extra-index-url https://e/simple\n./pkg\n"
    )
    (tmp_path / "sub" / "more.txt").write_text("-c bounds.txt\ntorch ; sys_platform == 'linux'\n")
    (tmp_path / "sub" / "bounds.txt").write_text("numpy<2\nscipy<2\n")
    (tmp_path / "loop.txt").write_text("-r loop.txt\n")
    (tmp_path / "with blank").mkdir()
    add_project(tmp_path / "with blank" / "pkg", "blank_pkg", "text")
    (tmp_path / "sub" / "wheels").mkdir()
    (tmp_path / "sub" / "places.txt").write_text("--find-links wheels\n--find-links ./pkg\na\n")
    (tmp_path / "sub" / "places2.txt").write_text("-r places.txt\n-e ./pkg\n")
    (tmp_path / "utf16.txt").write_text("torch\r\nnumpy\r\n", "utf-16")
    (tmp_path / "marked.txt").write_text("torch\n", "utf-8-sig")
    (tmp_path / "latin.txt").write_bytes(b"# coding: latin-1\ntorch  # caf\xe9\n")
    (tmp_path / "continued.txt").write_text(
        "# all of them \\\ntorch\nnum\\\npy>=1, \\\n  <2  # at most \\\nnot this\n--find-links \\\nsub\nscipy\\"
    )
    (tmp_path / "glued.txt").write_text("-rsub/bounds.txt\n-ihttps://h/s\n-e./pkg\n--constraint='sub/bounds.txt'\n")
    (tmp_path / "named.txt").write_text("b @ https://h/b.zip\nsome-pkg @ ./pkg\n")
    for number, line in enumerate(["-e ./pkg", "https://h/b.zip", "./tiny-1.0-py3-none-any.whl", "numpy[x]<2"]):
        (tmp_path / f"bound{number}.txt").write_text(f"{line}\n")
    (tmp_path / "hash.txt").write_text("numpy==1 \\\n  # why\n  --hash=sha256:aa\n")
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.delenv("NOWHERE", raising=False)
    return tmp_path


MARKED = "torch ; sys_platform == 'linux'"
TAKEN: list[tuple[list[str], list[str]]] = [
    (["numpy>=1.26", "torch[extra]"], ["numpy>=1.26", "torch[extra]"]),
    (["numpy ; python_version > '3.8'"], ["numpy ; python_version > '3.8'"]),
    (["# a comment", "", "  ", "numpy  # numbers"], ["numpy"]),
    (["numpy\n\n# more\ntorch\n"], ["numpy", "torch"]),
    (["git+https://h/a/b@main#egg=b&subdirectory=c"], ["git+https://h/a/b@main#egg=b&subdirectory=c"]),
    (["b @ git+ssh://git@h/a/b@v1"], ["b @ git+ssh://git@h/a/b@v1"]),
    (["https://h/b-1.0-py3-none-any.whl"], ["https://h/b-1.0-py3-none-any.whl"]),
    (["b[x] @ https://h/b.zip ; python_version > '3'"], ["b[x] @ https://h/b.zip ; python_version > '3'"]),
    (["./tiny-1.0-py3-none-any.whl"], ["{}/tiny-1.0-py3-none-any.whl"]),
    (["tiny-1.0-py3-none-any.whl"], ["{}/tiny-1.0-py3-none-any.whl"]),
    (["sub/../pkg"], ["{}/pkg"]),
    (["./pkg[extra]"], ["{}/pkg[extra]"]),
    (["-e ./pkg", "--editable=pkg"], ["-e {}/pkg"]),
    (["-e", "pkg"], ["-e {}/pkg"]),
    (["some-pkg @ ./pkg"], ["some-pkg @ file://{}/pkg"]),
    (
        ["-r requirements.txt"],
        [
            "numpy>=1.26",
            "-c numpy<2",
            "-c scipy<2",
            "torch ; sys_platform == 'linux'",
            "scipy==1.0     --hash=sha256:aa     --hash=sha256:bb",
            "--extra-index-url https://e/simple",
            "{}/pkg",
        ],
    ),
    (["-r", "sub/more.txt"], ["-c numpy<2", "-c scipy<2", "torch ; sys_platform == 'linux'"]),
    (["-i https://h/simple", "--pre", "a"], ["--index-url https://h/simple", "--pre", "a"]),
    (["--index-url=https://u:${TOKEN}@h/simple", "a"], ["--index-url https://u:${TOKEN}@h/simple", "a"]),
    (["--find-links", "sub", "a"], ["--find-links {}/sub", "a"]),
    (["--pre"], []),
    ([], []),
    (["", "#numpy", " \t"], []),
    (["-r", "sub/places.txt"], ["--find-links {}/sub/wheels", "--find-links {}/pkg", "a"]),
    (["-r sub/places2.txt"], ["--find-links {}/sub/wheels", "--find-links {}/pkg", "a", "-e {}/pkg"]),
    (["-r utf16.txt"], ["torch", "numpy"]),
    (["-r marked.txt", "-r latin.txt"], ["torch"]),
    (["-r continued.txt"], ["torch", "numpy>=1,   <2", "--find-links {}/sub", "scipy"]),
    (["-r glued.txt"], ["numpy<2", "scipy<2", "--index-url https://h/s", "-e {}/pkg", "-c numpy<2", "-c scipy<2"]),
    (["-c named.txt", "b"], ["-c b @ https://h/b.zip", "-c some-pkg @ file://{}/pkg", "b"]),
    (["with blank/pkg"], ["file://{}/with%20blank/pkg"]),
    (["-e 'with blank/pkg'"], ["-e file://{}/with%20blank/pkg"]),
    (["file:pkg", "file:./tiny-1.0-py3-none-any.whl"], ["{}/pkg", "{}/tiny-1.0-py3-none-any.whl"]),
    (["file://{}/pkg"], ["file://{}/pkg"]),
    (["pkg @ pkg", "some-pkg @ file:pkg"], ["pkg @ file://{}/pkg", "some-pkg @ file://{}/pkg"]),
    (["some-pkg[x]@./pkg ; python_version>'3'"], ["some-pkg[x]@file://{}/pkg ; python_version>'3'"]),
    (["${PLACE}/pkg", "-r ${PLACE}/sub/more.txt"], ["{}/pkg", "-c numpy<2", "-c scipy<2", MARKED]),
    (["--extra-index-url ${INDEX_URL}", "a"], ["--extra-index-url ${INDEX_URL}", "a"]),
    (["https://h/b.zip --hash=sha256:ab"], ["https://h/b.zip --hash=sha256:ab"]),
    (["https://h/b.zip ; python_version > '3'"], ["https://h/b.zip ; python_version > '3'"]),
    (["./pkg[x] ; python_version > '3'"], ["{}/pkg[x] ; python_version > '3'"]),
    (["hg+https://h/a", "svn+https://h/a", "git+file:///a"], ["hg+https://h/a", "svn+https://h/a", "git+file:///a"]),
    (["https://github.com/a/b/archive/main.zip"], ["https://github.com/a/b/archive/main.zip"]),
]


@pytest.mark.parametrize(("given", "lines"), TAKEN, ids=[" | ".join(given)[:40] for given, _ in TAKEN])
def test_what_pip_takes_is_taken(folder: Path, given: list[str], lines: list[str]) -> None:
    found = read_requirements([line.replace("{}", str(folder)) for line in given])

    assert found.findings == []
    assert found.lines == [line.replace("{}", str(folder)) for line in lines]
    for line in found.lines:
        parse_line(line)


REFUSED: list[tuple[str, str]] = [
    ("torch numpy", r"Write each as an entry of its own: ['torch', 'numpy']"),
    ("torch,numpy>=2", r"Write each as an entry of its own: ['torch', 'numpy>=2']"),
    ("numpy=1.26", "Write 'numpy==1.26'"),
    ("pip install torch numpy", "Write what follows as entries: ['torch', 'numpy']"),
    ("requirements.txt", "Write '-r requirements.txt'"),
    ("./requirements.txt", "Write '-r ./requirements.txt'"),
    ("-r nowhere.txt", "there is no file {}/nowhere.txt"),
    ("-r https://h/requirements.txt", "Download it, and give the path"),
    ("-r loop.txt", "names itself"),
    ("./nowhere.whl", "there is no file or folder {}/nowhere.whl"),
    ("./code", "has neither pyproject.toml nor setup.py. Send your own code with code_dir="),
    ("-e tiny-1.0-py3-none-any.whl", "only a folder can be installed in place"),
    ("https://github.com/a/b", "Write git+https://github.com/a/b"),
    ("git@github.com:a/b.git", "Write git+ssh://git@github.com/a/b.git"),
    ("--no-deps", "Set its variable in the environment of the job instead: PIP_NO_DEPS"),
    ("--index-url nowhere", "it is no URL"),
    ("--trusted-host", "its value is missing"),
    ("numpy --no-binary", "only pip takes it for one requirement"),
    ("git+https://${token}@h/a/b", "Write its name in capitals, as in ${TOKEN}"),
    ("git+https://word@h/a/b", "Write 'git+https://${GIT_TOKEN}@h/a/b'"),
    ("b @ git+https://me:word@h/a/b", 'options.SecretEnv("name-of-secret", ["GIT_USER", "GIT_PASSWORD"])'),
    ("--extra-index-url https://me:word@h/simple", "https://${INDEX_USER}:${INDEX_PASSWORD}@h/simple"),
    ("https://h/b.whl?token=word", "https://h/b.whl?token=${INDEX_TOKEN}"),
    ("-r", "its value is missing"),
    ("-U torch", "PIP_UPGRADE"),
    ("-x", "no requirements file takes this option of pip. Take it out"),
    ("-r hash.txt", "a comment stands before it. Write it behind its requirement"),
    ("-c bound0.txt", "a constraint is not installed in place"),
    ("-c bound1.txt", "a constraint needs a name. Write name @ https://h/b.zip"),
    ("-c bound2.txt", "a constraint needs a name. Write name @ file://{}/tiny-1.0-py3-none-any.whl"),
    ("-c bound3.txt", "a constraint has no extras"),
    ("'numpy>=1'", "Leave the quotes in it out: 'numpy>=1'"),
    ("torch@2.1", "Write 'torch==2.1'"),
    ("torch @ latest", "'latest' is no URL and no path"),
    ("torch^2.1", "Write 'torch~=2.1'"),
    ("torch~=2", "Write 'torch~=2.0'"),
    ("numpy ; python_version > 3.8", "into quotes: numpy ; python_version > '3.8'"),
    ("numpy==${NUMBER}", "Write the value of the variable"),
    ("${NOWHERE}/b.whl", "the variable NOWHERE is not set here"),
    ("!pip install a b", "Write what follows as entries: ['a', 'b']"),
    ("uv add a", "Write what follows as entries: ['a']"),
    ("pip3 install a", "Write what follows as entries: ['a']"),
    ("conda install a", "Write what follows as entries: ['a']"),
    ("github.com/a/b", "Write git+https://github.com/a/b"),
    ("https://github.com/a/b/tree/dev", "Write git+https://github.com/a/b@dev"),
    ("https://h/g/s/b.git@main", "Write git+https://h/g/s/b.git@main"),
    ("git://h/a/b", "Write git+https://h/a/b"),
    ("ssh://git@h/a/b", "Write git+ssh://git@h/a/b"),
    ("git+ssh://git@github.com:a/b", "Write git+ssh://git@github.com/a/b"),
    ("-e git@github.com:a/b", "Write git+ssh://git@github.com/a/b"),
    ("s3://h/b.whl", "Download it, and give the path"),
    ("https://", "it names no host"),
    ("https://h/a b.whl", "%20 for a blank"),
    ("git+https://h/a/b @ main", "'@ main' behind it is no marker"),
    ("https://h/b.whl ; python_version > 3", "is no marker"),
    ("https://h/b.whl[x]", "Write 'name[x] @ https://h/b.whl'"),
    ("./with blank/pkg[x]", "'name[x] @ file://{}/with%20blank/pkg'"),
    ("./pkg --config-settings=a=b", "only pip takes it for one requirement"),
    ("numpy==1 --hash=sha256:AB", "lower-case hexadecimal digits"),
    ("--extra-index-url https://a/s https://b/s", "['--extra-index-url https://a/s', '--extra-index-url https://b/s']"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[given for given, _ in REFUSED])
def test_what_pip_does_not_take_says_what_to_write(folder: Path, given: str, words: str) -> None:
    found = read_requirements([given])

    assert len(found.findings) == 1
    text = str(found.findings[0])
    assert words.replace("{}", str(folder)) in text
    assert ":word" not in text
    assert "word@" not in text


WITH_CREDENTIALS = [
    "HTTPS://me:word@h/b.whl",
    "Git+HTTPS://word@h/a/b",
    "b @ HTTPS://me:word@h/b.whl",
    "--extra-index-url HTTPS://me:word@h/simple",
    "--find-links=HTTPS://me:word@h/simple",
    "--proxy HTTP://me:word@h",
    "https://me@example.org:word@h/b.whl",
    "https://me:wo@word@h/b.whl",
    "https://me:wo/word@h/b.whl",
    "https://h/b.whl#token=word",
    "me:word@h/b.whl",
    "//me:word@h/b.whl",
    "https:/me:word@h/b.whl",
    "-r me:word@h/b.txt",
    "some text me:word@h",
]


@pytest.mark.parametrize("given", WITH_CREDENTIALS)
def test_credentials_are_refused_and_in_no_message(folder: Path, given: str) -> None:
    found = read_requirements([given])

    assert len(found.findings) == 1
    assert found.lines == []
    assert "word" not in str(found.findings[0]).replace("password", "")


def work() -> None:
    """Nothing."""


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        (
            ["https://a/simple https://b/simple"],
            r"index URL #1: it holds blanks.*\['https://a/simple', 'https://b/simple'\]",
        ),
        (
            ["https://a/simple", "https://me:word@h/simple"],
            r"index URL #2.*\$\{INDEX_USER\}:\$\{INDEX_PASSWORD\}@h/simple",
        ),
        (["https://word@h/simple"], r"\$\{INDEX_TOKEN\}@h/simple.*~/.netrc.*SecretEnv"),
        (["HTTPS://word@h/simple"], r"\$\{INDEX_TOKEN\}@h/simple.*~/.netrc.*SecretEnv"),
        (["me:word@h/simple"], "no http, https or file URL"),
        (["example.org"], "no http, https or file URL"),
    ],
)
def test_an_index_that_cannot_be_sent_says_what_to_write(urls: list[str], words: str) -> None:
    with pytest.raises(PackagingError, match=words) as caught:
        bundle(work, requirements=["a"], index_urls=urls)

    assert "word@" not in str(caught.value)


def test_two_main_indexes_are_one_too_many() -> None:
    with pytest.raises(PackagingError, match="several main indexes: https://a/simple, https://b/simple"):
        bundle(work, requirements=["--index-url https://a/simple", "a"], index_urls=["https://b/simple"])
    made = bundle(work, requirements=["--extra-index-url https://a/simple", "a"], index_urls=["https://b/simple"])
    assert made.requirements == ("--extra-index-url https://a/simple", "a")


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (["numpy==1", "numpy==2"], False),
        (["NumPy==1", "numpy>=2"], False),
        (["numpy==1", "numpy[x]==1.0", "numpy"], True),
        (["torch==2.1", "torch==2.1+cpu"], True),
        (["numpy==1 ; python_version < '3'", "numpy==2 ; python_version > '3'"], True),
        (["numpy==1.*", "numpy==1.5"], True),
        (["numpy>=1", "numpy<2"], True),
    ],
)
def test_versions_that_exclude_each_other_are_told_here(lines: list[str], fits: bool) -> None:
    if fits:
        assert bundle(work, requirements=lines).requirements == tuple(lines)
        return
    with pytest.raises(PackagingError, match="requirement numpy: no version fits"):
        bundle(work, requirements=lines)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://h/simple", False),
        ("https://${USER}:${TOKEN}@h/simple", False),
        ("https://me:${TOKEN}@h/simple", False),
        ("https://${TOKEN}@h/simple", False),
        ("git+ssh://git@h/a", False),
        ("git+ssh://git:word@h/a", True),
        ("https://me@h/simple", True),
        ("https://h/a.whl?X-Amz-Signature=1", True),
        ("https://h/a.whl#token=1", True),
        ("HTTPS://me:word@h/simple", True),
        ("https://me@example.org:word@h/simple", True),
        ("https://me:wo@rd@h/simple", True),
        ("https://me:wo/rd@h/simple", True),
        ("https://h:8080/simple/@scope/b", False),
        ("https://[::1]:8080/a@main", False),
        ("git+https://h/a/b@main", False),
        ("https://h/simple?mail=a@b", False),
    ],
)
def test_variables_and_the_user_of_ssh_are_no_credentials(url: str, secret: bool) -> None:
    assert has_credentials(url) is secret
    assert (masked(f"before {url} after") == f"before {url} after") is not secret
