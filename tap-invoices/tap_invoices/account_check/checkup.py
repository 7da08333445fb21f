"""The whole check of an account."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_invoices._shared.api_settings import ApiSettings
from tap_invoices._shared.redact import clean

from . import connection_checks, content_checks, list_checks, paging_checks
from .check_report import CheckReport
from .connection_checks import ACCESS_STEPS
from .exploration import Exploration
from .finding import Finding, Status, Unchecked
from .probe import Failure, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .facts import Facts

    Check = Callable[[Facts], Finding]

_PREFIX = "check_"
_MODULES = {
    "connection": connection_checks,
    "list": list_checks,
    "paging": paging_checks,
    "content": content_checks,
}

SECTIONS: Mapping[str, Mapping[str, Check]] = {
    section: {
        name.removeprefix(_PREFIX): function
        for name, function in vars(module).items()
        if name.startswith(_PREFIX)
    }
    for section, module in _MODULES.items()
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
    access = {name: _run(SECTIONS["connection"][name], facts) for name in ACCESS_STEPS}
    failed = next(name for name, each in access.items() if each.status is Status.PROBLEM)
    unchecked = Unchecked(f"Not checked: see {failed}.").finding
    return {
        section: {name: access.get(name, unchecked) for name in checks}
        for section, checks in SECTIONS.items()
    }


def _run(check: Check, facts: Facts) -> Finding:
    try:
        finding = check(facts)
    except Unchecked as error:
        finding = error.finding
    return replace(finding, found=clean(finding.found), advice=clean(finding.advice))
