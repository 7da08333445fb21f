"""However a program ends: a line for each problem, its exit code, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import environment

if TYPE_CHECKING:
    from .conftest import Shared

BEFORE = """
import logging, os, sys, click
from singer_sdk.exceptions import ConfigValidationError
from {package}._shared import command, errors, output
logging.basicConfig(format="%(levelname)s %(message)s", level="DEBUG")

@click.command()
def program():
    {body}

command.run(program)
"""


def start(shared: Shared, body: str, shell: str = "exec {python}", **options: Any) -> Any:
    """Start a program whose command line does what is given.

    Args:
        shared: The modules of the program.
        body: What it does, indented by four spaces.
        shell: How the shell starts it.
        options: Those of `subprocess.Popen`; stdout and stderr are pipes if not given.
    """
    package = shared.PLUGIN_NAME.replace("-", "_")
    script = BEFORE.format(package=package, body=body)
    command = shell.format(python='"$PYTHON" -c "$SCRIPT"')
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    env = environment(PYTHON=sys.executable, SCRIPT=script)
    return subprocess.Popen(["sh", "-c", command], env=env, text=True, **given)


def run(shared: Shared, body: str, shell: str = "exec {python}", **options: Any) -> Any:
    """Run such a program to its end; returns its exit code, stdout and stderr."""
    with start(shared, body, shell, **options) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("raise errors.PluginError('Do this.')", 1, "ERROR Do this.\n"),
        (
            "raise errors.InputFileError('state', 'x', 'it is empty')",
            1,
            "ERROR The state file x cannot be used: it is empty.\n",
        ),
        (
            "raise ConfigValidationError('x', errors=['a is missing.', 'b is 5.'])",
            1,
            "ERROR Setting: a is missing.\nERROR Setting: b is 5.\n",
        ),
        ("raise ConfigValidationError('It is wrong')", 1, "ERROR Setting: It is wrong\n"),
    ],
    ids=str,
)
def test_an_end(shared: Shared, body: str, code: int, said: str) -> None:
    assert run(shared, body) == (code, "", said)


def test_an_unexpected_error_shows_no_text(shared: Shared) -> None:
    """It may hold a customer's data, at any level of the log."""
    code, out, err = run(shared, "raise ValueError('Jane Doe')")
    assert (code, out) == (1, "")
    assert "Unexpected ValueError at" in err
    assert "Jane" not in err
    assert "Traceback" not in err


def test_an_error_of_the_system_is_not_taken_for_one_of_stdout(shared: Shared) -> None:
    code, _, err = run(shared, "open('/does/not/exist')")
    assert code == 1
    assert "Unexpected FileNotFoundError" in err


def test_what_was_printed_before_an_error_is_written(shared: Shared) -> None:
    body = "print('line'); raise errors.PluginError('Do this.')"
    assert run(shared, body) == (1, "line\n", "ERROR Do this.\n")


PRINT_MUCH = "[print('x' * 4095) for _ in range(100)]"


@pytest.mark.parametrize("body", [PRINT_MUCH, "print('x')", PRINT_MUCH + "; sys.stdout.flush()"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_is_gone(shared: Shared, body: str, unbuffered: str) -> None:
    """The program ends as one that a SIGPIPE ended, with a line."""
    reading, writing = os.pipe()
    os.close(reading)
    shell = f"export PYTHONUNBUFFERED={unbuffered}; exec {{python}}"
    code, _, err = run(shared, body, shell, stdout=writing)
    os.close(writing)
    assert code == 128 + signal.SIGPIPE
    assert err == "WARNING The reader of stdout closed it; the next run resumes here.\n"


def test_a_full_disk(shared: Shared) -> None:
    code, _, err = run(shared, PRINT_MUCH, "exec {python} > /dev/full")
    assert code == 1
    assert err == (
        "ERROR Cannot write to stdout (No space left on device). The next run resumes here.\n"
    )


def test_a_slow_reader_gets_everything(shared: Shared) -> None:
    """Through a pipe that does not block, and though the program is stopped in between."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with start(shared, PRINT_MUCH, stdout=writing) as process:
        os.close(writing)
        content = b""
        while data := os.read(reading, 30_000):
            content += data
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
    os.close(reading)
    assert process.returncode == 0
    assert content == (b"x" * 4095 + b"\n") * 100


def test_without_stdout_a_program_says_so(shared: Shared) -> None:
    code, _, err = run(shared, "print('x')", "exec {python} >&-")
    assert code == 1
    assert err == (
        "ERROR stdout is closed, and messages are written there. Start the program with one.\n"
    )


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_streams_are_kept_from_being_used_again(shared: Shared, closed: str) -> None:
    """A file that is opened in their place would get what is printed, or be read as input."""
    body = "print(os.open('/dev/null', os.O_RDONLY) > 2)"
    assert run(shared, body, f"exec {{python}} {closed}")[:2] == (0, "True\n")


def test_a_child_process_has_the_closed_streams_too(shared: Shared) -> None:
    """They are inherited as open ones are."""
    body = "os.system('true <&0 && echo open >&2') "
    _, _, err = run(shared, body, "exec {python} <&-")
    assert err == "open\n"


def test_ctrl_c_before_the_program_handles_it(shared: Shared) -> None:
    """It ends as a shell expects, without `Aborted!` or a traceback."""
    body = "os.kill(os.getpid(), 2); import time; time.sleep(60)"
    assert run(shared, body) == (130, "", "")


def test_an_ignored_ctrl_c_stays_ignored(shared: Shared) -> None:
    """As it is for what a shell starts in the background."""
    body = "os.kill(os.getpid(), 2); print('on')"
    assert run(shared, body, "trap '' INT; exec {python}") == (0, "on\n", "")


def test_secrets_of_the_environment_are_hidden(shared: Shared) -> None:
    """Before any setting is read."""
    shell = (
        "export TAP_INVOICES_ACCESS_TOKEN=hunter22 TARGET_INVOICES_ACK_APP_KEY=hunter33 "
        "https_proxy=http://user:hunter44@proxy; exec {python}"
    )
    body = "logging.warning('hunter22 hunter33 hunter44'); raise errors.PluginError('hunter22')"
    assert run(shared, body, shell)[2] == "WARNING *** *** ***\nERROR ***\n"
