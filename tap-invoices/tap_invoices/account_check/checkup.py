"""The whole check of an account."""

from __future__ import annotations

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


def check_account(config: Mapping[str, Any], user_agent: str) -> CheckReport:
    """Check an account with GET requests alone; nothing is marked.

    Args:
        config: The tap's settings, which have been validated.
        user_agent: Sent as `User-Agent`.
    """
    checked_at, began = datetime.now(UTC), time.monotonic()
    settings = ApiSettings.from_config(config)
    probe = Probe(settings, user_agent)
    facts = Exploration(probe, config).run()
    sections = judge(facts, settings, config["page_size"], probe.durations)
    return CheckReport(sections, checked_at, time.monotonic() - began, probe.requests)
