"""Judging the connection: address, TLS, token, app key, speed and clock."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_invoices._shared import preflight

from .check_report import Check, ok, problem, unknown
from .probe import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_invoices._shared.api_settings import ApiSettings

    from .probe import Outcome, Reply

ACCESS = ("address", "tls", "access_token", "app_key", "system_id")
"""What a first request passes, in this order."""

_CLOCK_PRECISION_S = 2  # `Date` has no fractions of a second, and its response takes time
_MAX_CLOCK_DIFFERENCE_S = 60
_RATE_LIMIT_HEADERS = ("X-RateLimit", "RateLimit")


def judge_access(outcome: Outcome, settings: ApiSettings) -> list[Check]:
    """Judge what a first request passes: address, TLS, token, app key, receiving system."""
    passed = _passed(outcome, settings)
    if not isinstance(outcome, Failure):
        return passed
    failed = _failed_step(outcome)
    step = ACCESS.index(failed)
    found = f"{_address(settings)}: {outcome.reason}." if failed == "address" else f"{outcome}."
    return [
        *passed[:step],
        problem(failed, found, _ADVICE[failed]),
        *(unknown(name, f"Not checked: see {failed}.") for name in ACCESS[step + 1 :]),
    ]


_ADVICE = {
    "address": "Check api_url, the network and proxies; if all are right, try again later.",
    "tls": "Check api_url, and whether a proxy replaces certificates; REQUESTS_CA_BUNDLE can "
    "name more certificate authorities.",
    "access_token": "Check access_token (without a leading `Bearer`) and app_key.",
    "app_key": "Check app_key, system_id and the permissions of the token.",
    "system_id": "Check system_id.",
}


def _failed_step(failure: Failure) -> str:
    if failure.is_tls:
        return "tls"
    return _STEPS.get(failure.status or 0, "address")


_STEPS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "access_token",
    HTTPStatus.FORBIDDEN: "app_key",
    HTTPStatus.BAD_REQUEST: "system_id",
    HTTPStatus.CONFLICT: "system_id",
    HTTPStatus.UNPROCESSABLE_ENTITY: "system_id",
}


def _passed(outcome: Outcome, settings: ApiSettings) -> list[Check]:
    address = _address(settings)
    app_key = "It is sent." if settings.app_key else "None is set, and none is required."
    return [
        ok("address", f"{address} answers.", address),
        _judge_tls(outcome, settings.base_url),
        ok("access_token", "The API accepts it.", value=True),
        ok("app_key", app_key, bool(settings.app_key)),
        ok("system_id", "The API lists invoices for it.", value=True),
    ]


def _address(settings: ApiSettings) -> str:
    """Return the address without a user and a password."""
    scheme, _, rest = settings.base_url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _judge_tls(outcome: Outcome, url: str) -> Check:
    if preflight.sends_token_in_clear(url):
        return problem(
            "tls",
            "The token is sent unencrypted: api_url is http, to another machine.",
            "Set api_url to an https address.",
            value=False,
        )
    if url.startswith("http:"):
        return ok("tls", "Not needed: the address is this machine.", value=False)
    version = None if isinstance(outcome, Failure) else outcome.tls
    return ok("tls", f"{version or 'TLS'}, and the certificate is trusted.", version or True)


def judge_latency(durations: Sequence[float]) -> Check:
    """Judge how fast responses are."""
    if not durations:
        return unknown("latency", "No request was answered.")
    fastest, slowest = round(min(durations), 3), round(max(durations), 3)
    return ok("latency", f"Responses took {fastest:.3f} to {slowest:.3f} s.", fastest)


def judge_rate_limit(headers: Mapping[str, str]) -> Check:
    """Read what the server says about its rate limit."""
    name = "rate_limit"
    for prefix in _RATE_LIMIT_HEADERS:
        limit, remaining = (headers.get(f"{prefix}-{each}", "") for each in ("Limit", "Remaining"))
        if _is_count(limit) and _is_count(remaining):
            value = {"limit": int(limit), "remaining": int(remaining)}
            return ok(name, f"{limit} requests, of which {remaining} were left.", value)
    return ok(name, "The server names none.", {"limit": None, "remaining": None})


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - digits


def judge_clock(reply: Reply) -> Check:
    """Compare the server's clock, as far as `Date` shows it, with this machine's."""
    if reply.server_time is None:
        return unknown(
            "clock",
            "The server sends no Date. The bookmark is then taken from this machine's clock.",
            "Keep this machine's clock right (NTP).",
        )
    here = datetime.fromtimestamp(reply.received_at, UTC)
    difference_s = round((reply.server_time - here).total_seconds())
    if abs(difference_s) <= _CLOCK_PRECISION_S:
        return ok("clock", "The server's clock and this machine's agree.", difference_s)
    direction = "ahead of" if difference_s > 0 else "behind"
    found = f"The server's clock is {abs(difference_s)} s {direction}"
    is_close = abs(difference_s) <= _MAX_CLOCK_DIFFERENCE_S
    advice = "" if is_close else "Check this machine's clock (NTP)."
    return ok("clock", f"{found} this machine's.", difference_s, advice)
