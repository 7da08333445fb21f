#!/usr/bin/env python3
"""Set everything up in this folder and run it, on a machine that has only git and Python.

    python3 run.py demo          the whole path: API, loader, database, marks; twice
    python3 run.py test --fast   lint, types and the quick tests, in less than a minute
    python3 run.py test          lint, types, every test, and how much of the code they cover
    python3 run.py bench         what the programs cost, beside others (docs/performance.md)

Other arguments are passed on: `python3 run.py test -k relay`.
"""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
BIN = ROOT / ".venv" / "bin"
OWN_UV = ROOT / ".uv"
PYTHONS = ((3, 11), (3, 14))  # oldest and newest that the packages support
OLDEST_UV = (0, 8)
COMMANDS = ("demo", "test", "bench")

# uv works in this folder with the Python that runs this file, whatever the shell is set up for.
ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join((str(BIN), os.environ.get("PATH", os.defpath))),
    "PYTHONPATH": "",
    "UV_COMPILE_BYTECODE": "1",  # without it, every start of a program compiles anew
    "UV_PROJECT_ENVIRONMENT": str(BIN.parent),
    "UV_PYTHON": sys.executable,
    "UV_PYTHON_DOWNLOADS": "never",
}
# An image may set it. The packages are installed as links to their sources, which uv does not
# compile: each start would, and take three times as long.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


class Stop(Exception):  # noqa: N818 - not an error of the program
    """Ends the program with one line that says what is missing."""


def main(arguments: list[str]) -> int:
    """Run a command; its exit code is ours."""
    command, *rest = arguments or [""]
    if command in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Commands: {', '.join(COMMANDS)}."
        text = f"{command!r} is not a command. {hint}" if command else __doc__.strip()
        print(text, file=sys.stderr)
        return 2
    try:
        _check_machine()
        return test(rest) if command == "test" else become(command, rest)
    except Stop as stop:
        print(f"\nStopped: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def become(command: str, arguments: list[str]) -> int:
    """Install what the demo and the benchmarks need, and become one of them."""
    _install("--no-default-groups", "--group", "demo", "--inexact")
    module = "benchmarks" if command == "bench" else command
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT / "tools", ROOT)))
    sys.stdout.flush()
    os.chdir(ROOT)
    words = [str(BIN / "python"), "-m", module, *arguments]
    os.execve(words[0], words, ENVIRONMENT | {"PYTHONPATH": path})  # noqa: S606 - gets our signals


def test(arguments: list[str]) -> int:
    """Run every step, also after one that failed; returns the first failure's exit code."""
    _install("--group", "dev")
    workers = str((os.cpu_count() or 1) * 2)  # more than cores, since tests also wait
    pytest = ["-m", "pytest", "-n", workers, *(each for each in arguments if each != "--fast")]
    steps = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]]
    steps += [["python", "tools/check_language.py"]]
    if "--fast" in arguments:
        steps += [["python", *pytest, "-m", "not slow"]]
    elif arguments:  # a part of the tests covers a part of the code
        steps += [["python", *pytest]]
    else:
        steps += [["coverage", "erase"], ["coverage", "run", *pytest]]
        steps += [["coverage", "combine", "--quiet"], ["coverage", "report"]]
    codes = [_step(step) for step in steps]
    return next(filter(None, codes), 0)


def _step(command: list[str]) -> int:
    _say(" ".join(command))
    started = time.monotonic()
    with subprocess.Popen([BIN / command[0], *command[1:]], cwd=ROOT, env=ENVIRONMENT) as step:
        try:
            code = step.wait()
        except KeyboardInterrupt:
            step.wait()  # Ctrl-C has reached it too: let it stop what it started
            raise
    outcome = f"FAILED ({code})" if code else "passed"
    _say(f"{command[0]}: {outcome} after {time.monotonic() - started:.0f} s")
    return code


def _check_machine() -> None:
    here = sys.version_info[:2]
    if os.name != "posix":
        raise Stop("This runs on Linux and macOS. On Windows, use WSL.")
    if not PYTHONS[0] <= here <= PYTHONS[1]:
        names = (f"python3.{minor}" for minor in range(PYTHONS[1][1], PYTHONS[0][1] - 1, -1))
        found = next(filter(shutil.which, names), None)
        advice = f"Use `{found} run.py …`." if found else "Install one of them."
        raise Stop(f"This is Python {here[0]}.{here[1]}; 3.11 to 3.14 are supported. {advice}")
    for folder in (ROOT, BIN.parent, OWN_UV):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise Stop(
                f"You cannot write to {folder}, which belongs to user {folder.stat().st_uid}. "
                "Clone the repository as your own user, or change the owner of that folder."
            )


def _install(*options: str) -> None:
    _say("installing the locked packages into .venv/ (a minute on a new machine)")
    command = [_find_or_get_uv(), "sync", "--project", str(ROOT), "--frozen", "--all-packages"]
    if not sys.stderr.isatty():
        command.append("--quiet")  # it reports errors all the same
    if subprocess.run([*command, *options], cwd=ROOT, env=ENVIRONMENT, check=False).returncode:
        raise Stop("uv could not install the packages. It gives its reason above.")


def _find_or_get_uv() -> str:
    own = OWN_UV / "bin" / "uv"
    for uv in filter(None, (shutil.which("uv"), str(own))):
        if _version_of(uv) >= OLDEST_UV:
            return uv
    _say("getting uv into .uv/, since there is none here, or an old one")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2")
    for command in (
        (sys.executable, "-m", "venv", "--clear", OWN_UV),
        (OWN_UV / "bin" / "python", *pip, f"uv>={'.'.join(map(str, OLDEST_UV))}"),
    ):
        if subprocess.run(command, check=False).returncode:
            raise Stop(
                "pip could not install uv into .uv/. It gives its reason above. "
                "Correct that, or install uv yourself, and run this again."
            )
    return str(own)


def _version_of(uv: str) -> tuple[int, ...]:
    """Return (0,) for a uv that does not start."""
    try:
        shown = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
        return tuple(int(part) for part in shown.split()[1].split(".")[:2])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return (0,)


def _say(text: str) -> None:
    print(f"▸ {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
