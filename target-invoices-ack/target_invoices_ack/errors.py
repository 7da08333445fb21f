"""What can go wrong, and what is done about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.exceptions import RecordsWithoutSchemaException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORDS_KEPT = 300
_LONGEST_WAIT = 600.0
_PLACE = re.compile(r"invoices\.(\d+)(?:\.|$)")


class TargetError(Exception):
    """A problem that ends the run, told in one line that says what to do."""


class InputError(TargetError):
    """The input is not what a tap sends."""


class SchemaMissingError(InputError, RecordsWithoutSchemaException):
    """A RECORD came before its stream's SCHEMA."""


class LoaderError(TargetError):
    """The loader cannot be started."""


class Action(Enum):
    """What is done about an answer."""

    RETRY = "ask again"
    SPLIT = "find the invoices that are refused"
    END = "end the run"


@dataclass(frozen=True)
class Verdict:
    """What an answer's status means for the run.

    Attributes:
        action: What is done about it.
        hint: What a person can do about it.
    """

    action: Action
    hint: str


_TEMPORARY = Verdict(Action.RETRY, "The service is at fault; the next run marks what is left.")
_REFUSED = Verdict(Action.SPLIT, "Look at the invoice in Traede.")
_NOT_HERE = Verdict(Action.END, "Check api_url.")
_REDIRECT = Verdict(
    Action.END,
    "Redirects are not followed, since they would carry the token; set api_url to the address "
    "itself.",
)

VERDICTS = {
    HTTPStatus.UNAUTHORIZED: Verdict(Action.END, "Check access_token and app_key."),
    HTTPStatus.FORBIDDEN: Verdict(
        Action.END,
        "The token is known but may not mark invoices: check its rights and system_id.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: _NOT_HERE,
    HTTPStatus.REQUEST_TIMEOUT: _TEMPORARY,
    HTTPStatus.TOO_EARLY: _TEMPORARY,
    HTTPStatus.TOO_MANY_REQUESTS: Verdict(
        Action.RETRY,
        "The rate limit stayed exhausted; set max_parallel_requests lower.",
    ),
}

TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""What `requests` raises where asking again may help."""


def verdict(status: int, *, said: bool) -> Verdict:
    """Look a status up; those without an entry are judged by their class.

    Args:
        status: The HTTP status.
        said: Whether the answer had words of the API's own. A 404 without them
            comes from something else than the API.
    """
    if known := VERDICTS.get(status):  # type: ignore[call-overload]
        return known  # type: ignore[no-any-return]
    if status == HTTPStatus.NOT_FOUND and not said:
        return _NOT_HERE
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _TEMPORARY
    return _REFUSED if status >= HTTPStatus.BAD_REQUEST else _REDIRECT


class RefusedError(TargetError):
    """An answer that is no success.

    Attributes:
        action: What is done about it.
        words: The server's own, if it had any.
        places: Places in the batch that the server's errors name, from 0.
        retry_after: Seconds that the server asks to wait, ten minutes at most.
    """

    def __init__(self, response: requests.Response) -> None:
        """Tell the answer in one line: status, the server's own words, a hint."""
        body = _body_of(response)
        self.words = _words(body)
        self.places = frozenset(_places(body))
        judged = verdict(response.status_code, said=bool(self.words))
        self.action = judged.action
        self.retry_after = seconds_to_wait(response.headers)
        said = f' and said "{self.words}"' if self.words else ""
        super().__init__(f"The API answered {response.status_code}{said}. {judged.hint}")


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Read `Retry-After`, in seconds or as a date, which is one of the server's own clock."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    if (until := _time_of(asked)) is None:
        return 0.0
    now = _time_of(headers.get("Date")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT)


def _time_of(header: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _body_of(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (requests.JSONDecodeError, UnicodeDecodeError, *TRANSIENT):
        return {}
    return body if isinstance(body, dict) else {}


def _words(body: dict[str, Any]) -> str:
    """Read what an error answer says, in Laravel's form.

    Only `message` and `errors` are read, and shortened: the rest of a body could hold
    a customer's data.
    """
    words = [str(body["message"])] if body.get("message") else []
    errors = body.get("errors")
    if isinstance(errors, dict):
        words += [f"{name}: {_first(texts)}" for name, texts in errors.items()]
    return " ".join("; ".join(words).split())[:_WORDS_KEPT]


def _first(texts: object) -> str:
    return str(texts[0]) if isinstance(texts, list) and texts else str(texts)


def _places(body: dict[str, Any]) -> Iterable[int]:
    errors = body.get("errors")
    for name in errors if isinstance(errors, dict) else ():
        if match := _PLACE.match(str(name)):
            yield int(match[1])
