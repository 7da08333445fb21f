"""`run.py` on machines that lack something: it helps itself, or says in one line what is missing.

A stand-in for uv, in a wheel of its own, says what it was asked and fails, so nothing here needs
the network.
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
echo "asked: $*" >&2
echo "home: $HOME, cache: $UV_CACHE_DIR" >&2
echo "environment: $UV_PROJECT_ENVIRONMENT, python: $PYTHONPATH" >&2
exit 3
"""
_PYTHON_WITHOUT_VENV = """#!/bin/sh
if [ "$2" = venv ]; then echo "The virtual environment was not created successfully"; exit 1; fi
exec "PYTHON" "$@"
"""
# Python takes itself for the program that it was started as; on a machine without venv, that is
# the only thing to be different.
_AS_ANOTHER_PYTHON = """
import runpy, sys
sys.executable, *sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_AS_AN_OLDER_PYTHON = """
import runpy, sys
sys.version_info = (3, 9, 18, "final", 0)
sys.argv = sys.argv[1:]
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


def test_the_right_uv_is_used_where_it_is(machine: Machine) -> None:
    machine.has_uv("0.9.7")
    done = machine.run("demo")
    assert done.returncode == 1
    assert f"asked: sync --project {machine.checkout} --frozen" in done.stderr
    assert last_line(done).startswith("Stopped: the packages could not be installed")


def test_uv_is_installed_where_it_is_missing(machine: Machine) -> None:
    machine.can_install_uv()
    done = machine.run("demo")
    assert "asked: sync" in done.stderr
    assert (machine.checkout / ".uv" / "bin" / "uv").exists()


def test_an_old_uv_is_passed_over(machine: Machine) -> None:
    machine.has_uv("0.4.30")
    machine.can_install_uv()
    assert "asked: sync" in machine.run("demo").stderr


def test_uv_is_installed_once(machine: Machine) -> None:
    machine.can_install_uv()
    machine.run("demo")
    (machine.wheels / "uv-99.0-py3-none-any.whl").unlink()
    assert "asked: sync" in machine.run("test").stderr


def test_uv_is_installed_where_python_has_no_venv(machine: Machine) -> None:
    machine.can_install_uv()
    crippled = machine.write(
        machine.programs / "crippled", _PYTHON_WITHOUT_VENV.replace("PYTHON", sys.executable)
    )
    done = machine.run("demo", python=("-c", _AS_ANOTHER_PYTHON, str(crippled)))
    assert "asked: sync" in done.stderr
    assert (machine.checkout / ".uv" / "packages" / "bin" / "uv").exists()


def test_without_uv_and_without_network_one_line_says_so(machine: Machine) -> None:
    done = machine.run("demo")
    assert done.returncode == 1
    assert last_line(done).startswith("Stopped: uv is needed and could not be installed with pip")
    assert "No matching distribution found for uv" in last_line(done)


@pytest.mark.parametrize("found", [None, "python3.12"])
def test_a_python_that_is_too_old_is_told_with_one_that_is_not(
    machine: Machine, found: str | None
) -> None:
    machine.variables["PATH"] = str(machine.programs)
    if found:
        machine.write(machine.programs / found, "#!/bin/sh")
    done = machine.run("demo", python=("-c", _AS_AN_OLDER_PYTHON))
    assert done.returncode == 1
    assert last_line(done).startswith("Stopped: this is Python 3.9, and 3.11 to 3.14 is needed")
    assert ("`python3.12 run.py …`" in last_line(done)) == bool(found)


def test_a_home_that_cannot_be_written_is_not_needed(machine: Machine) -> None:
    machine.has_uv("0.9.7")
    machine.variables["HOME"] = os.devnull + "/nobody"
    assert f"home: {machine.checkout / '.home'}," in machine.run("demo").stderr


def test_a_person_s_cache_is_kept_and_their_project_is_not(machine: Machine) -> None:
    machine.has_uv("0.9.7")
    machine.variables |= {
        "UV_CACHE_DIR": "/cache",
        "UV_PROJECT_ENVIRONMENT": "/elsewhere",
        "PYTHONPATH": "/elsewhere",
    }
    told = f"home: {machine.home}, cache: /cache\nenvironment: , python: \n"
    assert told in machine.run("demo").stderr


@pytest.mark.parametrize("words", [(), ("tests",)])
def test_another_command_is_answered_with_the_two_that_there_are(
    machine: Machine, words: tuple[str, ...]
) -> None:
    done = machine.run(*words)
    assert done.returncode == 2
    assert "run.py demo" in done.stderr
    assert "run.py test" in done.stderr


def test_help_is_no_failure(machine: Machine) -> None:
    done = machine.run("--help")
    assert done.returncode == 0
    assert "run.py demo" in done.stdout
