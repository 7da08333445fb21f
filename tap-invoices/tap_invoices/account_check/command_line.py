"""The option `--check` of the command line."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_invoices._shared.config_errors import how_to_set

if TYPE_CHECKING:
    from singer_sdk import Tap

_FORMAT = "about_format"  # the SDK's name of `--format`
_CREDENTIALS = ("access_token", "system_id")  # discovery does without


def add_check_option(command: click.Command) -> None:
    """Add `--check` to the tap's command; its callback is passed `check`."""
    for option in command.params:
        if isinstance(option, click.Option) and option.name == _FORMAT:
            option.help = "Specify output style for --about and --check"
    command.params.append(
        click.Option(
            ["--check"],
            is_flag=True,
            help="Check what the account's API does. Sends GET requests alone, marks nothing.",
        )
    )


def run_check(tap: Tap, style: str | None) -> None:
    """Check an account and write the report to stdout.

    Args:
        tap: The tap, whose settings have been validated.
        style: `json`, `markdown`, or None for a table.

    Raises:
        ConfigValidationError: There are no credentials.
        SystemExit: With 0 if everything that the programs rely on holds, with 1 otherwise.
    """
    if missing := [name for name in _CREDENTIALS if not tap.config.get(name)]:
        errors = [f"{name} is missing.{how_to_set(name, tap.name)}" for name in missing]
        raise ConfigValidationError("A setting is missing", errors=errors)
    from .checkup import check_account  # noqa: PLC0415 - no other command needs it

    # Nothing is written before the end, so a signal may end the check at once.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    report = check_account(tap.config, f"{tap.name}/{tap.plugin_version}")
    formats = {"json": report.to_json, "markdown": report.to_markdown}
    sys.stdout.write(formats.get(style or "", report.to_text)() + "\n")
    sys.stdout.flush()
    raise SystemExit(1 if report.problems else 0)
