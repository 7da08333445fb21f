"""The whole check of an account, and the command that runs it."""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_invoices._shared.api_settings import ApiSettings

from .check_report import CheckReport
from .exploration import Exploration
from .judgement import judge
from .probe import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .exploration import Discover


def check_account(config: Mapping[str, Any], user_agent: str, discover: Discover) -> CheckReport:
    """Check an account with GET requests alone; nothing is marked.

    Args:
        config: The tap's settings, which have been validated.
        user_agent: Sent as `User-Agent`.
        discover: What discovery does; it returns the JSON schema of each stream.
    """
    checked_at, began = datetime.now(UTC), time.monotonic()
    settings = ApiSettings.from_config(config)
    probe = Probe(settings, user_agent)
    facts = Exploration(probe, config, discover).run()
    sections = judge(facts, settings, config["page_size"], probe.durations)
    return CheckReport(sections, checked_at, time.monotonic() - began, probe.requests)


def write_report(report: CheckReport, style: str | None) -> int:
    """Write a report to stdout.

    Args:
        report: The report.
        style: `json`, `markdown`, or None for a table.

    Returns:
        The exit code: 0 if everything that the programs rely on holds.
    """
    formats = {"json": report.to_json, "markdown": report.to_markdown}
    sys.stdout.write(formats.get(style or "", report.to_text)() + "\n")
    sys.stdout.flush()
    return 1 if report.problems else 0


def end_at_signals() -> None:
    """End at SIGINT and SIGTERM at once: nothing has been written before the end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
