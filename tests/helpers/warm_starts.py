"""Which of the programs that tests start are started by a warm Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from helpers.warm_python import Fork, WarmPython

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

_FOR_PYTHON = ("COVERAGE_", "PYTHONWARNINGS")
_FOR_PROGRAMS = ("TAP_", "TARGET_", "PYTEST_CURRENT_TEST")
"""How the names of variables begin that neither Python nor what is imported early reads."""
_FILES = ("stdin", "stdout", "stderr")
_OPTIONS = {*_FILES, "cwd"}


class WarmStarts:
    """One warm Python for each program and each environment; a context manager that ends them.

    Args:
        programs: The scripts that are started in this way, by their paths.
        environment: What all environments have in common but for `_FOR_PYTHON`, after which a
            Python is chosen, and `_FOR_PROGRAMS`.
    """

    def __init__(self, programs: Sequence[str], environment: Mapping[str, str]) -> None:
        self._programs = programs
        self._common = _without(environment, _FOR_PYTHON + _FOR_PROGRAMS)
        self._pythons: dict[tuple[str, ...], WarmPython] = {}

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for python in self._pythons.values():
            python.close()

    def start(
        self, command: Sequence[str], env: Mapping[str, str], **options: Any
    ) -> subprocess.Popen[bytes] | None:
        """Start a program.

        Args:
            command: The program and its arguments.
            env: All variables of its environment.
            options: Those of `subprocess.Popen`; stdin, stdout and stderr have to be given.

        Returns:
            None, and nothing is started, where it is another program, has variables that Python
            may read, or has options that are about more than its files.
        """
        is_common = _without(env, _FOR_PYTHON + _FOR_PROGRAMS) == self._common
        is_common &= "PYTHONUNBUFFERED" not in env  # by that, Python makes other files at its start
        is_plain = options.keys() <= _OPTIONS and None not in map(options.get, _FILES)
        if command[0] not in self._programs or not (is_common and is_plain):
            return None
        return Fork(self._python(env), command, env=env, **options)

    def _python(self, env: Mapping[str, str]) -> WarmPython:
        key = tuple(f"{name}={env[name]}" for name in sorted(env) if name.startswith(_FOR_PYTHON))
        if key not in self._pythons:
            self._pythons[key] = WarmPython(_without(env, _FOR_PROGRAMS))
        return self._pythons[key]


def _without(environment: Mapping[str, str], beginnings: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(beginnings)}
