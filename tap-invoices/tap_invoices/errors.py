"""What can go wrong, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from tap_invoices import times

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS_KEPT = 300
_LONGEST_WAIT = 600.0


class TapError(Exception):
    """A problem that ends the run, told in one line that says what to do."""


class StateError(TapError):
    """A state that this tap did not write."""

    def __init__(self, why: str) -> None:
        """Say why the state is refused."""
        super().__init__(
            f"The state is not one of tap-invoices: {why}. Give it its own, or none to start anew.",
        )


class InputError(TapError):
    """A file of the command line that cannot be used."""

    def __init__(self, kind: str, name: str, why: str) -> None:
        """Name the file and say why."""
        super().__init__(f"The {kind} file {name} cannot be used: {why}.")


class AnswerError(TapError):
    """The API answered something that is no list of invoices."""


@dataclass(frozen=True)
class Verdict:
    """What an answer's status means for the run.

    Attributes:
        retry: Whether asking again may help.
        hint: What a person can do about it.
    """

    retry: bool
    hint: str


_TEMPORARY = Verdict(retry=True, hint="The service is at fault; the next run goes on from here.")
_REFUSED = Verdict(retry=False, hint="The request is not what the API expects.")
_REDIRECT = Verdict(
    retry=False,
    hint="Redirects are not followed, since they would carry the token; set api_url to the "
    "address itself.",
)

VERDICTS = {
    HTTPStatus.UNAUTHORIZED: Verdict(retry=False, hint="Check access_token and app_key."),
    HTTPStatus.FORBIDDEN: Verdict(
        retry=False,
        hint="The token is known but may not read this: check its rights and system_id.",
    ),
    HTTPStatus.NOT_FOUND: Verdict(retry=False, hint="Check api_url."),
    HTTPStatus.UNPROCESSABLE_ENTITY: Verdict(
        retry=False,
        hint="Check system_id, start_date and filter_groups.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: _TEMPORARY,
    HTTPStatus.TOO_EARLY: _TEMPORARY,
    HTTPStatus.TOO_MANY_REQUESTS: Verdict(
        retry=True,
        hint="The rate limit stayed exhausted; run less often or with a larger page_size.",
    ),
}

TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""What `requests` raises where asking again may help."""


def verdict(status: int) -> Verdict:
    """Look a status up; those without an entry are judged by their class."""
    if known := VERDICTS.get(HTTPStatus(status) if status in set(HTTPStatus) else None):  # type: ignore[arg-type]
        return known
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _TEMPORARY
    return _REFUSED if status >= HTTPStatus.BAD_REQUEST else _REDIRECT


class RefusedError(TapError):
    """An answer that is no success.

    Attributes:
        retry_after: Seconds that the server asks to wait, ten minutes at most.
        retry: Whether asking again may help.
    """

    def __init__(self, response: requests.Response) -> None:
        """Tell the answer in one line: status, the server's own words, a hint."""
        judged = verdict(response.status_code)
        self.retry = judged.retry
        self.retry_after = seconds_to_wait(response.headers)
        words = server_words(response)
        said = f' and said "{words}"' if words else ""
        super().__init__(f"The API answered {response.status_code}{said}. {judged.hint}")


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Read `Retry-After`, in seconds or as a date, which is one of the server's own clock."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    if (until := times.server_time(asked)) is None:
        return 0.0
    now = times.server_time(headers.get("Date")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT)


class UnusableError(TapError):
    """A success whose body is not JSON: cut, or from something in between."""


def server_words(response: requests.Response) -> str:
    """Read what an error answer says, in Laravel's form or as `error`.

    Nothing else is read, and that much is shortened: the rest of a body could hold a
    customer's data.
    """
    try:
        body: Any = response.json()
    except (requests.JSONDecodeError, *TRANSIENT):
        return ""
    if not isinstance(body, dict):
        return ""
    said = body.get("message") or body.get("error")
    words = [said] if isinstance(said, str) else []
    errors = body.get("errors")
    if isinstance(errors, dict):
        words += [f"{name}: {_first(texts)}" for name, texts in errors.items()]
    return " ".join("; ".join(words).split())[:_WORDS_KEPT]


def _first(texts: object) -> str:
    return str(texts[0]) if isinstance(texts, list) and texts else str(texts)
