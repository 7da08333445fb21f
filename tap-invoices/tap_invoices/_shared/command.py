"""Running a program: what happens before and after the SDK's own command line."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from singer_sdk.exceptions import ConfigValidationError
from typing_extensions import override

from . import PLUGIN_NAME, output
from .api_settings import secrets_of
from .errors import PluginError
from .redact import describe_safely, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .run_report import RunReport

FAILED = 1
SIGNAL_EXIT = 128
"""As shells have it: the exit code of a program that a signal ended is 128 and its number."""

_MAX_PROBLEMS = 20

_logger = logging.getLogger(PLUGIN_NAME)

report: RunReport | None = None
problems: list[str] = []
"""What was logged as an error: the reason of the exit code."""


def run(cli: Callable[[], object]) -> None:
    """Run a program; every problem ends it with a line each and without a traceback.

    Args:
        cli: The SDK's command line of the program.

    Raises:
        SystemExit: At the end, with the exit code.
    """
    if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.default_int_handler):
        signal.signal(signal.SIGINT, _on_interrupt)
    hide_secrets(secrets_of({}))
    _logger.addHandler(_ProblemCollector())
    output.install()
    if sys.stdout is None:
        logging.basicConfig()
        _end(["stdout is closed, and messages are written there. Start the program with one."])
    try:
        _run_and_flush(cli)
    except SystemExit as end:
        publish(_exit_code(end))
        raise
    finally:
        output.flush_stderr()


def _run_and_flush(cli: Callable[[], object]) -> None:
    try:
        try:
            cli()
        finally:
            if output.failure() is None:  # otherwise it has been logged, and would be again
                sys.stdout.flush()
    except _LoggedExit:
        raise
    except BaseException as error:  # noqa: BLE001 - each type ends in its own way
        # click ends with 1 and says nothing where the reader is gone.
        end_on_error(output.failure() or error)


def _on_interrupt(number: int, _: object) -> None:
    # Until the plugin handles signals itself; of a KeyboardInterrupt, click makes exit code 1.
    if not output.is_writing():
        raise SystemExit(SIGNAL_EXIT + number)


def publish_at_end(run_report: RunReport | None) -> None:
    """Publish a report once the program ends, with its exit code and its reason, or none."""
    global report  # noqa: PLW0603 - a program has one end
    report = run_report


def publish(exit_code: int, reasons: Iterable[str] = ()) -> None:
    """Publish the report, unless that was done: a program may do so before its last lines.

    Args:
        exit_code: The exit code of the program.
        reasons: What is about to be logged as an error.
    """
    global report
    if isinstance(output.failure(), BrokenPipeError):
        exit_code = SIGNAL_EXIT + signal.SIGPIPE  # as the program ends
    published, report = report, None
    if published is not None and (exit_code or not published.only_if_failed):
        published.finish(exit_code, " ".join([*problems, *reasons]))


def end_on_error(error: BaseException) -> NoReturn:
    """End the program for an error, with a line for each problem.

    Raises:
        SystemExit: With the exit code that fits the error.
    """
    match error:
        case SystemExit():
            raise error
        case ConfigValidationError():
            _end([f"Setting: {each}" for each in error.errors or [str(error)]])
        case PluginError():
            _end([str(error)])
        case BrokenPipeError():
            _logger.warning("The reader of stdout closed it; the next run resumes here.")
            raise _LoggedExit(SIGNAL_EXIT + signal.SIGPIPE) from None
        case OSError() if error is output.failure():
            _end([f"Cannot write to stdout ({error.strerror}). The next run resumes here."])
        case _:
            _end([describe_safely(error)])


class _LoggedExit(SystemExit):
    """The end of the program after its reason has been logged."""


class _ProblemCollector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if len(problems) < _MAX_PROBLEMS:
            problems.append(record.getMessage())


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    return FAILED


def _end(messages: list[str]) -> NoReturn:
    for message in messages:
        _logger.error("%s", message)
    raise _LoggedExit(FAILED) from None
