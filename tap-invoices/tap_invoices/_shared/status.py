"""What to do for an HTTP status: retry, isolate rejected invoices, or end the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING_ROUTE = re.compile(r"\broute\b.*could not be found|^not found\.?$", re.IGNORECASE)
"""How Laravel 9.44 and newer, and web servers, say that there is no such address at all."""


class Action(Enum):
    """What to do about a response."""

    RETRY = "retry"
    ISOLATE = "find the invoices that are rejected"
    END = "end the run"


@dataclass(frozen=True)
class StatusPolicy:
    """What to do for a status.

    Args:
        action: What the program does.
        hint: What the user can do.
    """

    action: Action
    hint: str


@dataclass(frozen=True)
class Purpose:
    """What a request is for, as far as its errors depend on it.

    Args:
        is_mark: Whether it marks invoices.
        settings: The settings that shaped it, to be named in a hint.
    """

    is_mark: bool = False
    settings: Sequence[str] = ("system_id",)


_UNAVAILABLE = StatusPolicy(Action.RETRY, "The service has a problem; the next run resumes here.")
_REDIRECT = StatusPolicy(
    Action.END,
    "Redirects are not followed, since they would carry the token elsewhere; set api_url to the "
    "final address.",
)
_WRONG_ADDRESS = StatusPolicy(Action.END, "There is no export API at this address. Check api_url.")
_NOT_THE_API = StatusPolicy(
    Action.END, "This is not what the API answers. Check api_url and proxies."
)
_ACCOUNT = StatusPolicy(Action.END, "Ask the provider of the account.")

_POLICIES: dict[int, StatusPolicy] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECT),
    HTTPStatus.UNAUTHORIZED: StatusPolicy(
        Action.END, "Check access_token (without a leading `Bearer`) and app_key."
    ),
    HTTPStatus.FORBIDDEN: StatusPolicy(
        Action.END,
        "The API knows the token and denies access: check app_key, system_id and the token's "
        "permissions.",
    ),
    HTTPStatus.PAYMENT_REQUIRED: _ACCOUNT,
    HTTPStatus.METHOD_NOT_ALLOWED: _WRONG_ADDRESS,
    HTTPStatus.GONE: _WRONG_ADDRESS,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: StatusPolicy(
        Action.END, "Check the user and password in HTTPS_PROXY or HTTP_PROXY."
    ),
    HTTPStatus.REQUEST_TIMEOUT: _UNAVAILABLE,
    HTTPStatus.TOO_EARLY: _UNAVAILABLE,
}


def policy_for(status: int, message: str, purpose: Purpose) -> StatusPolicy:
    """Return the policy for a status that is not a success.

    Args:
        status: The HTTP status.
        message: The server's own words. The API does not send a 404 without a message, or
            with one about a route: something else is at the address.
        purpose: What the request was for.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        setting = "max_parallel_requests lower" if purpose.is_mark else "a larger page_size"
        return StatusPolicy(Action.RETRY, f"The rate limit stayed exhausted; set {setting}.")
    if status == HTTPStatus.NOT_FOUND and (not message or _MISSING_ROUTE.search(message)):
        return _WRONG_ADDRESS
    if status in _POLICIES:
        return _POLICIES[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _UNAVAILABLE
    return _rejection(status, purpose) if status >= HTTPStatus.BAD_REQUEST else _NOT_THE_API


_ABOUT_INVOICES = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.LOCKED,
}


def _rejection(status: int, purpose: Purpose) -> StatusPolicy:
    if purpose.is_mark and status in _ABOUT_INVOICES:
        return StatusPolicy(Action.ISOLATE, "Look at the invoice in Traede.")
    if purpose.is_mark:
        return StatusPolicy(
            Action.END, "The API rejects the request as a whole, not single invoices."
        )
    if status == HTTPStatus.REQUEST_URI_TOO_LONG:
        return StatusPolicy(Action.END, "Use fewer filter_groups.")
    return StatusPolicy(Action.END, f"Check {_join(purpose.settings)}.")


def _join(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
