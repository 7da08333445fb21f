#!/usr/bin/env python3
"""Set everything up and run it, on a machine that has only git and Python.

    python3 run.py demo    the whole path: API, loader, database, marks; twice
    python3 run.py test    lint, types and every test
    python3 run.py bench   what the programs cost, beside others (docs/performance.md)

What follows the command is passed on: `python3 run.py test -k pipeline`.
Nothing is installed outside this folder, save for uv's and pip's caches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent
OWN_UV = ROOT / ".uv"
OWN_HOME = ROOT / ".home"
ENVIRONMENT = ROOT / ".venv"

PYTHONS = ((3, 11), (3, 14))  # oldest and newest that the packages support
OLDEST_UV = (0, 8)

# What a person sets for uv about reaching packages is kept; what would point it at another
# project, environment or Python is not.
KEPT_UV_VARIABLES = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_OFFLINE",
    "UV_SYSTEM_CERTS",
)
DROPPED_VARIABLES = (
    "CONDA_PREFIX",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PIP_USER",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)


class Stop(Exception):  # noqa: N818 - it is the sentence that ends the program
    """Ends the program with one line that says what is missing."""


def main(arguments: Sequence[str]) -> int:
    """Run one of the two commands; its exit code is ours."""
    command, *rest = arguments or ("",)
    if command not in COMMANDS:
        asked = command in ("-h", "--help")
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        _check_machine()
        return COMMANDS[command](rest)
    except Stop as stop:
        print(f"\nStopped: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def demo(arguments: Sequence[str]) -> int:
    """Install what runs, and become the demo (tools/demo)."""
    return _become("demo", "demo", arguments)


def bench(arguments: Sequence[str]) -> int:
    """Install what is compared, and become the benchmarks (benchmarks)."""
    return _become("benchmarks", "demo", arguments)


def _become(module: str, group: str, arguments: Sequence[str]) -> int:
    _sync(_find_or_get_uv(), "--no-default-groups", "--group", group, "--inexact")
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT / "tools", ROOT)))
    environment = {**_environment(), "PYTHONPATH": path}
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", module, *arguments]
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(command[0], command, environment)  # noqa: S606 - signals shall reach it directly


def test(arguments: Sequence[str]) -> int:
    """Lint, types, every test; all of them run, the first failure's code is returned."""
    _sync(_find_or_get_uv(), "--group", "dev")
    steps = (
        ("lint", ("ruff", "check")),
        ("format", ("ruff", "format", "--check")),
        ("types", ("mypy",)),
        ("tests", ("pytest", "-n", "auto", *arguments)),
    )
    codes = [_step(name, command) for name, command in steps]
    return next((code for code in codes if code), 0)


COMMANDS = {"demo": demo, "test": test, "bench": bench}


def _check_machine() -> None:
    here = sys.version_info[:2]
    if not PYTHONS[0] <= here <= PYTHONS[1]:
        names = [f"python3.{minor}" for minor in range(PYTHONS[1][1], PYTHONS[0][1] - 1, -1)]
        found = next((name for name in names if shutil.which(name)), None)
        advice = f"start it with `{found} run.py …`" if found else "none of them was found here"
        raise Stop(f"this is Python {here[0]}.{here[1]}, and 3.11 to 3.14 is needed; {advice}.")
    if os.name != "posix":
        raise Stop("this runs on Linux and macOS; on Windows, use WSL.")


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED_VARIABLES
        and (not name.startswith("UV_") or name.startswith(KEPT_UV_VARIABLES))
    }
    if not _home_is_writable():  # uv, Meltano and others want to keep something there
        kept = {name: value for name, value in kept.items() if not name.startswith("XDG_")}
        kept["HOME"] = str(OWN_HOME)
    return kept


def _home_is_writable() -> bool:
    home = Path("~").expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return all(_is_writable(folder) for folder in (home, cache))


def _is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or made where it is not there yet."""
    seen = (each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
    nearest = next(seen, folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _find_or_get_uv() -> str:
    for candidate in (shutil.which("uv"), *_own_uv()):
        if candidate and _uv_version(str(candidate)) >= OLDEST_UV:
            return str(candidate)
    _say("uv is not here (or too old): getting it into .uv/")
    shutil.rmtree(OWN_UV, ignore_errors=True)
    failure = _get_uv()
    for candidate in _own_uv():
        if _uv_version(str(candidate)) >= OLDEST_UV:
            return str(candidate)
    raise Stop(
        "uv is needed and could not be installed with pip "
        f"({failure}). Check the network, or install uv yourself and run this again."
    )


def _own_uv() -> tuple[Path, Path]:
    return OWN_UV / "bin" / "uv", OWN_UV / "packages" / "bin" / "uv"


def _uv_version(uv: str) -> tuple[int, ...]:
    """Return (0,) for a uv that is not there or does not start, such as a version manager's."""
    try:
        answer = subprocess.run(
            [uv, "--version"], env=_environment(), capture_output=True, text=True, check=True
        ).stdout
        return tuple(int(part) for part in answer.split()[1].split(".")[:2])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return (0,)


def _get_uv() -> str:
    """Install uv with pip: in a virtual environment, or beside one where venv is crippled."""
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2")
    ways = (
        ((sys.executable, "-m", "venv", str(OWN_UV)), (str(OWN_UV / "bin" / "python"), *pip, "uv")),
        ((sys.executable, *pip, "--target", str(OWN_UV / "packages"), "uv"),),
    )
    said = ""
    for way in ways:
        for command in way:
            try:
                done = subprocess.run(
                    command, env=_environment(), capture_output=True, text=True, check=False
                )
            except OSError as error:
                said = str(error)
                break
            if done.returncode:
                said = _last_line(done.stderr or done.stdout)
                break
        else:
            return ""
    return said


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no reason given"])[-1]


def _sync(uv: str, *options: str) -> None:
    _say("installing the locked packages into .venv/ (a minute on a new machine)")
    command = [uv, "sync", "--project", str(ROOT), "--frozen", "--all-packages", *options]
    # The Python that the person started is the one to be used; none is downloaded.
    command += ["--python", sys.executable]
    if not sys.stderr.isatty():
        command.append("--quiet")  # says what goes wrong all the same
    environment = {**_environment(), "UV_PYTHON_DOWNLOADS": "never"}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise Stop(
            "the packages could not be installed; uv's reason stands above. "
            "Where it is the network: this needs to reach the Python package index once."
        )


def _step(name: str, command: Sequence[str]) -> int:
    _say(f"{name}: {' '.join(command)}")
    program = str(ENVIRONMENT / "bin" / command[0])
    path = os.pathsep.join((str(ENVIRONMENT / "bin"), os.environ.get("PATH", os.defpath)))
    environment = {**_environment(), "PATH": path}
    started = time.monotonic()
    with subprocess.Popen([program, *command[1:]], cwd=ROOT, env=environment) as step:
        try:
            code = step.wait()
        except KeyboardInterrupt:
            step.wait()  # the same Ctrl-C reached it: let it stop what it started
            raise
    outcome = "passed" if code == 0 else f"FAILED ({code})"
    _say(f"{name}: {outcome} after {time.monotonic() - started:.0f} s")
    return code


def _say(text: str) -> None:
    print(f"▸ {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
