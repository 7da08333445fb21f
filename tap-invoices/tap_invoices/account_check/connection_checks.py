"""Judging the connection: address, TLS, token, app key, speed and clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_invoices._shared import preflight

from .finding import Finding, UncheckedError, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from .facts import Facts

_CLOCK_PRECISION_S = 2  # `Date` has no fractions of a second, and its response takes time
_MAX_CLOCK_DIFFERENCE_S = 60
_RATE_LIMIT_HEADERS = ("X-RateLimit", "RateLimit")

_ADVICE = {
    "address": "Check api_url, the network and proxies; if all are right, try again later.",
    "tls": "Check api_url, and whether a proxy replaces certificates; REQUESTS_CA_BUNDLE can "
    "name more certificate authorities.",
    "access_token": "Check access_token (without a leading `Bearer`) and app_key.",
    "app_key": "Check app_key, system_id and the permissions of the token.",
    "system_id": "Check system_id.",
}
_STEPS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "access_token",
    HTTPStatus.FORBIDDEN: "app_key",
    HTTPStatus.BAD_REQUEST: "system_id",
    HTTPStatus.CONFLICT: "system_id",
    HTTPStatus.UNPROCESSABLE_ENTITY: "system_id",
}


def judge_access(name: str, facts: Facts) -> Finding:
    """Judge a step of access; the first request passes the steps in the order of `ACCESS`.

    Args:
        name: The step.
        facts: Of which only the first request matters.
    """
    if isinstance(facts.first, Failure):
        failed = _STEPS.get(facts.first.status or 0, "address")
        if facts.first.is_tls:
            failed = "tls"
        if name == failed:
            reason = (
                f"{_address(facts)}: {facts.first.reason}" if name == "address" else facts.first
            )
            return problem(f"{reason}.", _ADVICE[name])
        if name in [*ACCESS][[*ACCESS].index(failed) :]:
            raise UncheckedError(f"Not checked: see {failed}.")
    return _PASSED[name](facts)


def _address(facts: Facts) -> str:
    """Return the address without a user and a password."""
    scheme, _, rest = facts.settings.base_url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _pass_address(facts: Facts) -> Finding:
    address = _address(facts)
    return Finding(f"{address} answers.", address)


def _pass_tls(facts: Facts) -> Finding:
    url = facts.settings.base_url
    if preflight.sends_token_in_clear(url):
        return problem(
            "The token is sent unencrypted: api_url is http, to another machine.",
            "Set api_url to an https address.",
            value=False,
        )
    if url.startswith("http:"):
        return Finding("Not needed: the address is this machine.", value=False)
    version = None if isinstance(facts.first, Failure) else facts.first.tls
    return Finding(f"{version or 'TLS'}, and the certificate is trusted.", version or True)


def _pass_app_key(facts: Facts) -> Finding:
    has_key = bool(facts.settings.app_key)
    return Finding("It is sent." if has_key else "None is set, and none is required.", has_key)


_PASSED: dict[str, Callable[[Facts], Finding]] = {
    "address": _pass_address,
    "tls": _pass_tls,
    "access_token": lambda _: Finding("The API accepts it.", value=True),
    "app_key": _pass_app_key,
    "system_id": lambda _: Finding("The API lists invoices for it.", value=True),
}


def judge_latency(facts: Facts) -> Finding:
    """Judge how fast responses are."""
    fastest, slowest = (round(each(facts.durations), 3) for each in (min, max))
    return Finding(f"Responses took {fastest:.3f} to {slowest:.3f} s.", fastest)


def judge_rate_limit(facts: Facts) -> Finding:
    """Read what the server says about its rate limit."""
    headers = require(facts.first).headers
    for prefix in _RATE_LIMIT_HEADERS:
        limit, remaining = (headers.get(f"{prefix}-{each}", "") for each in ("Limit", "Remaining"))
        if _is_count(limit) and _is_count(remaining):
            value = {"limit": int(limit), "remaining": int(remaining)}
            return Finding(f"{limit} requests, of which {remaining} were left.", value)
    return Finding("The server names none.", {"limit": None, "remaining": None})


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - digits


def judge_clock(facts: Facts) -> Finding:
    """Compare the server's clock, as far as `Date` shows it, with this machine's."""
    first = require(facts.first)
    if first.server_time is None:
        raise UncheckedError(
            "The server sends no Date. The bookmark is then taken from this machine's clock.",
            "Keep this machine's clock right (NTP).",
        )
    here = datetime.fromtimestamp(first.received_at, UTC)
    difference_s = round((first.server_time - here).total_seconds())
    if abs(difference_s) <= _CLOCK_PRECISION_S:
        return Finding("The server's clock and this machine's agree.", difference_s)
    direction = "ahead of" if difference_s > 0 else "behind"
    is_close = abs(difference_s) <= _MAX_CLOCK_DIFFERENCE_S
    return Finding(
        f"The server's clock is {abs(difference_s)} s {direction} this machine's.",
        difference_s,
        "" if is_close else "Check this machine's clock (NTP).",
    )


ACCESS = {name: partial(judge_access, name) for name in _PASSED}
"""The steps that a first request passes, in this order."""

CHECKS = ACCESS | {
    "latency": judge_latency,
    "rate_limit": judge_rate_limit,
    "clock": judge_clock,
}
