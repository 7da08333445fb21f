"""The whole check of an account."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_invoices._shared.api_settings import ApiSettings

from . import connection_checks, content_checks, list_checks, paging_checks
from .check_report import CheckReport
from .exploration import Exploration
from .finding import Finding, Status, UncheckedError
from .probe import Failure, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .facts import Facts

SECTIONS: Mapping[str, Mapping[str, Callable[[Facts], Finding]]] = {
    "connection": connection_checks.CHECKS,
    "list": list_checks.CHECKS,
    "paging": paging_checks.CHECKS,
    "content": content_checks.CHECKS,
}
"""All checks, by section and name, in the order of the report."""


def check_account(config: Mapping[str, Any], user_agent: str) -> CheckReport:
    """Check an account with GET requests alone; nothing is marked.

    Args:
        config: The tap's settings, which have been validated.
        user_agent: Sent as `User-Agent`.
    """
    checked_at, began = datetime.now(UTC), time.monotonic()
    settings = ApiSettings.from_config(config)
    probe = Probe(settings, user_agent)
    findings = run_checks(Exploration(probe, settings, config).run())
    return CheckReport(findings, checked_at, time.monotonic() - began, probe.requests)


def run_checks(facts: Facts) -> dict[str, dict[str, Finding]]:
    """Return the findings by section and name: of all checks, whatever has failed."""
    if not isinstance(facts.first, Failure):
        return {
            section: {name: _run(check, facts) for name, check in checks.items()}
            for section, checks in SECTIONS.items()
        }
    access = {name: _run(check, facts) for name, check in connection_checks.ACCESS.items()}
    failed = next(name for name, each in access.items() if each.status is Status.PROBLEM)
    unchecked = UncheckedError(f"Not checked: see {failed}.").finding
    return {
        section: {name: access.get(name, unchecked) for name in checks}
        for section, checks in SECTIONS.items()
    }


def _run(check: Callable[[Facts], Finding], facts: Facts) -> Finding:
    try:
        return check(facts)
    except UncheckedError as error:
        return error.finding
