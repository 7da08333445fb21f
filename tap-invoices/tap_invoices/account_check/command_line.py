"""The option `--check` of the command line."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from singer_sdk import Tap

    from .exploration import Discover

_FORMAT = "about_format"  # the SDK's name of `--format`


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


def run_check(tap: Tap, style: str | None, discover: Discover) -> None:
    """Check an account and write the report to stdout.

    Args:
        tap: The tap, whose settings have been validated.
        style: `json`, `markdown`, or None for a table.
        discover: What discovery does; it returns the JSON schema of each stream.

    Raises:
        SystemExit: With 0 if everything that the programs rely on holds, with 1 otherwise.
    """
    from .checkup import check_account  # noqa: PLC0415 - no other command needs it

    # Nothing is written before the end, so a signal may end the check at once.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    report = check_account(tap.config, f"{tap.name}/{tap.plugin_version}", discover)
    formats = {"json": report.to_json, "markdown": report.to_markdown}
    sys.stdout.write(formats.get(style or "", report.to_text)() + "\n")
    sys.stdout.flush()
    raise SystemExit(1 if report.problems else 0)
