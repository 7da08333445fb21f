"""Each package stands alone: built, installed without the other, and asked who it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from generate.programs import PROGRAMS, TAP
from helpers import pythons
from helpers.checkout import CHECKOUT
from helpers.run import environment as run_environment
from helpers.run import run
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from generate.programs import Program

_NEWEST_MINOR = 14  # of Python 3, as the packages say

pytestmark = [pytest.mark.xdist_group("packages"), pytest.mark.slow]
every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@dataclass(frozen=True)
class Built:
    """What was built of a package."""

    version: str
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    folder = tmp_path_factory.mktemp("dist")
    _uv("build", "--all-packages", "--out-dir", str(folder), cwd=CHECKOUT)
    return {program.name: _built(folder, program) for program in PROGRAMS}


@pytest.fixture(scope="module", params=["highest", "lowest-direct", "the newest Python"])
def environment(
    request: pytest.FixtureRequest,
    builds: dict[str, Built],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """Install each wheel alone.

    With the newest and the oldest dependencies that it allows, and on the newest Python.
    """
    python, resolution = sys.executable, request.param
    if resolution == "the newest Python":
        python, resolution = _newest_python(), "highest"
    environments = {}
    for name, built in builds.items():
        environments[name] = tmp_path_factory.mktemp("environment") / name
        _uv("venv", "--python", python, str(environments[name]))
        to = ("--python", str(environments[name]))
        _uv("pip", "install", *to, "--resolution", resolution, str(built.wheel))
    return environments


def _newest_python() -> str:
    """Return the newest Python on this machine, of those that are supported."""
    for minor in range(_NEWEST_MINOR, sys.version_info.minor, -1):
        if found := pythons.of_version(3, minor):
            return found
    pytest.skip("no newer Python on this machine")


@every_program
def test_a_wheel_holds_the_package_with_types_and_licence(
    builds: dict[str, Built], program: Program
) -> None:
    """It is built from the sdist, which has the shared code as files of its own."""
    built = builds[program.name]
    package = _package(program)
    metadata = f"{package}-{built.version}.dist-info"
    with zipfile.ZipFile(built.wheel) as wheel:
        names = [name for name in wheel.namelist() if not name.startswith(f"{metadata}/")]
        found = {name.removeprefix(f"{package}/"): wheel.read(name) for name in names}
        assert f"{metadata}/licenses/LICENSE" in wheel.namelist()
    assert found == _sources(program)
    assert {"py.typed", "_shared/http.py"} <= found.keys()


@every_program
def test_an_sdist_holds_what_a_build_needs(builds: dict[str, Built], program: Program) -> None:
    with tarfile.open(builds[program.name].sdist) as sdist:
        names = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= names
    assert {f"{_package(program)}/{name}" for name in _sources(program)} <= names


@every_program
def test_a_build_without_git_has_a_version(program: Program, tmp_path: Path) -> None:
    copy = tmp_path / program.name
    shutil.copytree(program.folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    _uv("build", "--wheel", "--out-dir", str(tmp_path / "dist"), cwd=copy)
    assert (tmp_path / "dist" / f"{_package(program)}-0.1.0-py3-none-any.whl").exists()


@pytest.fixture(scope="module")
def prefixes(builds: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Environments in which pip installs a package again: its dependencies are there."""
    folders = {name: tmp_path_factory.mktemp("pip") / name for name in builds}
    for name, folder in folders.items():
        _uv("venv", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--python", str(folder), str(builds[name].wheel))
    return folders


@every_program
@pytest.mark.parametrize("source", ["checkout", "sdist", "git", "editable"])
def test_pip_installs_a_package_from_everywhere(
    prefixes: dict[str, Path], builds: dict[str, Built], program: Program, source: str
) -> None:
    """Alone, while nothing is on the package index."""
    wanted = {
        "checkout": [str(program.folder)],
        "sdist": [str(builds[program.name].sdist)],
        "git": [f"git+file://{CHECKOUT}#subdirectory={program.name}"],
        "editable": ["--editable", str(program.folder)],
    }[source]
    if source == "git" and not (CHECKOUT / ".git").exists():
        pytest.skip("this is not a checkout")
    prefix = prefixes[program.name]
    options = ("--force-reinstall", "--no-deps", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(prefix), "install", *options]
    run([*pip, *wanted]).check()

    python = str(prefix / "bin" / "python")
    find = f"import {_package(program)}._shared.http as module; print(module.__file__)"
    file = Path(run([python, "-c", find], cwd=prefix).check().stdout.strip())
    place = program.folder if source == "editable" else prefix
    assert file.is_relative_to(place)
    assert file.parent.is_symlink() == (source == "editable" and program is not TAP)
    assert program.name in _said(prefix / "bin" / program.name, "--version")


def test_the_shared_code_is_checked_and_counted_once(tmp_path: Path) -> None:
    """By ruff as files, by coverage as what both programs run."""
    shown = run([sys.executable, "-m", "ruff", "check", "--show-files"], cwd=CHECKOUT).check()
    assert len(re.findall(r"/_shared/times\.py$", shown.stdout, re.MULTILINE)) == 1
    script = tmp_path / "script.py"
    script.write_text("".join(f"import {_package(each)}._shared.times\n" for each in PROGRAMS))
    coverage = [sys.executable, "-m", "coverage"]
    options = ["--data-file", str(tmp_path / "data"), "--rcfile", os.devnull]
    run([*coverage, "run", *options, str(script)]).check()
    report = run([*coverage, "report", *options, "--include=*/_shared/times.py"]).check()
    assert len(re.findall(r"^\S+/times\.py ", report.stdout, re.MULTILINE)) == 1


@every_program
def test_a_package_alone_describes_itself_in_every_format(
    environment: dict[str, Path], builds: dict[str, Built], program: Program
) -> None:
    command = environment[program.name] / "bin" / program.name
    assert builds[program.name].version in _said(command, "--version")
    told = json.loads(_said(command, "--about", "--format=json"))
    assert told["version"] == builds[program.name].version
    in_markdown, in_text = _said(command, "--about", "--format=markdown"), _said(command, "--about")
    for name in told["settings"]["properties"]:
        assert name in in_markdown
    assert program.name in in_text
    assert program.name in _said(command, "--help")


@every_program
def test_a_package_installs_alone(environment: dict[str, Path], program: Program) -> None:
    others = {other.name for other in PROGRAMS} - {program.name}
    listed = _uv("pip", "list", "--python", str(environment[program.name]), "--format=json")
    assert not others & {each["name"] for each in json.loads(listed)}


@every_program
def test_uvx_runs_a_package(builds: dict[str, Built], program: Program) -> None:
    built = builds[program.name]
    command = ("--from", str(built.wheel), program.name, "--version")
    assert built.version in _uv("tool", "run", "--python", sys.executable, *command)


@every_program
def test_pipx_runs_a_package(builds: dict[str, Built], program: Program, tmp_path: Path) -> None:
    built = builds[program.name]
    words = ("run", "--spec", str(built.wheel), program.name, "--version")
    variables = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_DEFAULT_BACKEND": "pip"}
    done = run([sys.executable, "-m", "pipx", *words], env=run_environment(**variables))
    assert built.version in done.check().stdout


def test_the_tap_alone_delivers_an_account(environment: dict[str, Path], tmp_path: Path) -> None:
    with Sandbox.start(invoices=7, drafts=1) as sandbox:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(sandbox.config()))
        command = environment[TAP.name] / "bin" / TAP.name
        messages = [
            json.loads(line) for line in _said(command, "--config", str(config)).splitlines()
        ]
    delivered = [
        each["record"]["id"]
        for each in messages
        if each.get("stream") == "invoices" and each["type"] == "RECORD"
    ]
    assert delivered == [1, 2, 3, 4, 5, 6, 7]


def _package(program: Program) -> str:
    return program.name.replace("-", "_")


def _sources(program: Program) -> dict[str, bytes]:
    """Return the files of a package, by their paths in it; links are followed."""
    top = program.folder / _package(program)
    found = (
        Path(folder) / name for folder, _, names in os.walk(top, followlinks=True) for name in names
    )
    return {
        str(path.relative_to(top)): path.read_bytes() for path in found if path.suffix != ".pyc"
    }


def _built(folder: Path, program: Program) -> Built:
    (wheel,) = folder.glob(f"{program.name.replace('-', '_')}-*.whl")
    version = wheel.name.split("-")[1]
    return Built(version, wheel, folder / f"{program.name.replace('-', '_')}-{version}.tar.gz")


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(source.read_bytes())


def _said(command: Path, *arguments: str) -> str:
    return run([str(command), *arguments], cwd=command.parent).check().stdout


def _uv(*arguments: str, cwd: Path | None = None) -> str:
    return run([find_uv_bin(), "--quiet", *arguments], cwd=cwd).check().stdout


@every_program
def test_the_sdk_is_bound_below_what_nobody_has_tested(program: Program) -> None:
    """The lock is what is tested here; a newer minor version is what a user would find out."""
    lock = tomllib.loads((CHECKOUT / "uv.lock").read_text())
    [tested] = [each["version"] for each in lock["package"] if each["name"] == "singer-sdk"]
    major, minor, *_ = map(int, tested.split("."))
    project = tomllib.loads((program.folder / "pyproject.toml").read_text())["project"]
    [bounds] = [each for each in project["dependencies"] if each.startswith("singer-sdk")]
    assert bounds.endswith(f",<{major}.{minor + 1}")
