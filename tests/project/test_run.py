"""`run.py` on machines that lack something: it installs it, or says in one line what is missing.

A fake uv, in a wheel of its own, prints its arguments and fails, so no test needs the network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

_UV = """#!/bin/sh
if [ "$1" = --version ]; then echo "uv VERSION"; exit; fi
echo "uv's arguments: $*" >&2
echo "environment: $UV_PROJECT_ENVIRONMENT, bytecode: $UV_COMPILE_BYTECODE" >&2
echo "no bytecode: ${PYTHONDONTWRITEBYTECODE-unset}" >&2
exit 3
"""
_AS_AN_OLDER_PYTHON = """
import runpy, sys
sys.version_info = (3, 9, 18, "final", 0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

_WHERE_A_FOLDER_IS_NOT_OURS = """
import os, pathlib, runpy, sys
_, theirs, *sys.argv = sys.argv
os.access = lambda path, mode: path != pathlib.Path(theirs)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Machine:
    """A machine with Python, and nothing else unless it is added."""

    def __init__(self, folder: Path) -> None:
        """Clone the repository's `run.py` into a folder with a space in its name."""
        self.checkout = folder / "a clone"
        self.programs = folder / "bin"
        self.home = folder / "home"
        self.wheels = folder / "wheels"
        for each in (self.checkout, self.programs, self.home, self.wheels):
            each.mkdir()
        self.script = self.checkout / "run.py"
        self.script.write_bytes((CHECKOUT / "run.py").read_bytes())
        self.variables = {
            "HOME": str(self.home),
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }

    def has_uv(self, version: str) -> None:
        """Put a uv on the path."""
        self.write(self.programs / "uv", _UV.replace("VERSION", version))

    def can_install_uv(self) -> None:
        """Let pip find a uv."""
        wheel = self.wheels / "uv-99.0-py3-none-any.whl"
        script = zipfile.ZipInfo("uv-99.0.data/scripts/uv")
        script.external_attr = 0o100755 << 16
        metadata = "Metadata-Version: 2.1\nName: uv\nVersion: 99.0\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(script, _UV.replace("VERSION", "99.0.1"))
            archive.writestr("uv-99.0.dist-info/METADATA", metadata)
            archive.writestr("uv-99.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr("uv-99.0.dist-info/RECORD", "")

    def write(self, path: Path, script: str) -> Path:
        """Write a program."""
        path.write_text(script)
        path.chmod(0o755)
        return path

    def run(self, *words: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run `run.py`, from another folder."""
        return subprocess.run(
            [sys.executable, *(python or ()), str(self.script), *words],
            env=self.variables,
            cwd=self.home if self.home.is_dir() else None,
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_new_enough_uv_on_the_path_is_used(machine: Machine) -> None:
    machine.has_uv("0.9.7")
    done = machine.run("demo")
    assert done.returncode == 1
    assert f"uv's arguments: sync --project {machine.checkout} --frozen" in done.stderr
    assert last_line(done).startswith("Stopped: uv could not install the packages.")
    assert "network" not in done.stderr


@pytest.mark.slow
def test_a_uv_is_installed_once_where_there_is_an_old_one(machine: Machine) -> None:
    machine.has_uv("0.4.30")
    machine.can_install_uv()
    assert "uv's arguments: sync" in machine.run("demo").stderr
    assert (machine.checkout / ".uv" / "bin" / "uv").exists()
    (machine.wheels / "uv-99.0-py3-none-any.whl").unlink()
    assert "uv's arguments: sync" in machine.run("test").stderr


@pytest.mark.slow
def test_without_uv_and_network_pip_gives_its_reason(machine: Machine) -> None:
    done = machine.run("demo")
    assert done.returncode == 1
    assert "No matching distribution found for uv" in done.stderr
    assert last_line(done).startswith("Stopped: pip could not install uv into .uv/.")


@pytest.mark.parametrize("found", [None, "python3.12"])
def test_an_old_python_is_named_with_a_newer_one(machine: Machine, found: str | None) -> None:
    machine.variables["PATH"] = str(machine.programs)
    if found:
        machine.write(machine.programs / found, "#!/bin/sh")
    done = machine.run("demo", python=("-c", _AS_AN_OLDER_PYTHON))
    assert done.returncode == 1
    assert last_line(done).startswith("Stopped: This is Python 3.9; 3.11 to 3.14 are supported.")
    assert ("Use `python3.12 run.py …`." in last_line(done)) == bool(found)


@pytest.mark.parametrize("folder", ["", ".venv", ".uv"])
def test_a_folder_of_another_user_is_named_with_its_owner(machine: Machine, folder: str) -> None:
    """`os.access` is replaced, since root can write anywhere."""
    place = machine.checkout / folder
    place.mkdir(exist_ok=True)
    done = machine.run("demo", python=("-c", _WHERE_A_FOLDER_IS_NOT_OURS, str(place)))
    assert done.returncode == 1
    expected = f"Stopped: You cannot write to {place}, which belongs to user {os.getuid()}."
    assert last_line(done).startswith(expected)


def test_uv_works_in_this_folder_whatever_the_shell_says(machine: Machine) -> None:
    machine.has_uv("0.9.7")
    machine.variables["UV_PROJECT_ENVIRONMENT"] = "/elsewhere"
    machine.variables["PYTHONDONTWRITEBYTECODE"] = "1"
    done = machine.run("demo")
    assert f"environment: {machine.checkout}/.venv, bytecode: 1\n" in done.stderr
    assert "no bytecode: unset" in done.stderr


def test_the_nearest_command_is_named(machine: Machine) -> None:
    done = machine.run("dmeo")
    assert done.returncode == 2
    assert done.stderr == "'dmeo' is not a command. Did you mean 'demo'?\n"


@pytest.mark.parametrize(("words", "code"), [((), 2), (("--help",), 0)])
def test_the_commands_are_explained(machine: Machine, words: tuple[str, ...], code: int) -> None:
    done = machine.run(*words)
    assert done.returncode == code
    assert "run.py demo" in done.stdout + done.stderr
