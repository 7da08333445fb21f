"""Checks of the connection: address, TLS, token, app key, speed and clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tap_invoices._shared import preflight

from .finding import Finding, Status, Unchecked, ok, problem
from .probe import Failure, require

if TYPE_CHECKING:
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
ACCESS_STEPS = list(_ADVICE)
"""The checks of what the first request passes, in this order."""

_FAILED_STEPS = {401: "access_token", 403: "app_key"} | dict.fromkeys((400, 409, 422), "system_id")


def _require_step(facts: Facts, step: str) -> None:
    """Require that the first request passed a step and those before it."""
    if not isinstance(facts.first, Failure):
        return
    failed = "tls" if facts.first.is_tls else _FAILED_STEPS.get(facts.first.status or 0, "address")
    if step == failed:
        reason = f"{_address(facts)}: {facts.first.reason}" if step == "address" else facts.first
        raise Unchecked(f"{reason}.", _ADVICE[step], Status.PROBLEM)
    if ACCESS_STEPS.index(step) > ACCESS_STEPS.index(failed):
        raise Unchecked(f"Not checked: see {failed}.")


def _address(facts: Facts) -> str:
    """Return the address without a user and a password."""
    scheme, _, rest = facts.settings.base_url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def check_address(facts: Facts) -> Finding:
    """Check whether a server responds."""
    _require_step(facts, "address")
    return ok(f"{_address(facts)} answers.", _address(facts))


def check_tls(facts: Facts) -> Finding:
    """Check whether the connection is encrypted and the certificate is trusted."""
    _require_step(facts, "tls")
    url = facts.settings.base_url
    if preflight.sends_token_in_clear(url):
        found = "The token is sent unencrypted: api_url is http, to another machine."
        return problem(found, "Set api_url to an https address.", value=False)
    if url.startswith("http:"):
        return ok("Not needed: the address is this machine.", value=False)
    version = None if isinstance(facts.first, Failure) else facts.first.tls
    return ok(f"{version or 'TLS'}, and the certificate is trusted.", version or True)


def check_access_token(facts: Facts) -> Finding:
    """Check whether the API accepts the token."""
    _require_step(facts, "access_token")
    return ok("The API accepts it.", value=True)


def check_app_key(facts: Facts) -> Finding:
    """Check whether the API accepts the app key, or needs none."""
    _require_step(facts, "app_key")
    has_key = bool(facts.settings.app_key)
    return ok("It is sent." if has_key else "None is set, and none is required.", has_key)


def check_system_id(facts: Facts) -> Finding:
    """Check whether the API lists invoices for the receiving system."""
    _require_step(facts, "system_id")
    return ok("The API lists invoices for it.", value=True)


def check_latency(facts: Facts) -> Finding:
    """Measure how fast responses are."""
    fastest, slowest = (round(bound(facts.durations), 3) for bound in (min, max))
    return ok(f"Responses took {fastest:.3f} to {slowest:.3f} s.", fastest)


def check_rate_limit(facts: Facts) -> Finding:
    """Read what the server says about its rate limit."""
    headers = require(facts.first).headers
    for prefix in _RATE_LIMIT_HEADERS:
        limit, remaining = (headers.get(f"{prefix}-{each}", "") for each in ("Limit", "Remaining"))
        if _is_count(limit) and _is_count(remaining):
            value = {"limit": int(limit), "remaining": int(remaining)}
            return ok(f"{limit} requests, of which {remaining} were left.", value)
    return ok("The server names none.", {"limit": None, "remaining": None})


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - digits


def check_clock(facts: Facts) -> Finding:
    """Compare the server's clock, as far as `Date` shows it, with this machine's."""
    first = require(facts.first)
    if first.server_time is None:
        found = "The server sends no Date. The bookmark is then taken from this machine's clock."
        raise Unchecked(found, "Keep this machine's clock right (NTP).")
    here = datetime.fromtimestamp(first.received_at, UTC)
    difference_s = round((first.server_time - here).total_seconds())
    if abs(difference_s) <= _CLOCK_PRECISION_S:
        return ok("The server's clock and this machine's agree.", difference_s)
    direction = "ahead of" if difference_s > 0 else "behind"
    found = f"The server's clock is {abs(difference_s)} s {direction} this machine's."
    is_close = abs(difference_s) <= _MAX_CLOCK_DIFFERENCE_S
    return ok(found, difference_s, "" if is_close else "Check this machine's clock (NTP).")
