"""Sending the requests of a check: GET alone, each read no further than a few MiB."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias, TypeVar

import requests

from tap_invoices._shared import times
from tap_invoices._shared.errors import ConnectionFailedError, MalformedResponseError, PluginError
from tap_invoices._shared.http import EXPORT_PATH, HttpClient, HttpStatusError
from tap_invoices._shared.listing import (
    MAX_SAMPLE_BYTES,
    ExportClient,
    ListingStart,
    read_listing_start,
)
from tap_invoices._shared.status import Purpose

from .finding import Status, Unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_invoices._shared.api_settings import ApiSettings
    from tap_invoices._shared.listing import ExportQuery, PageRequest
    from tap_invoices._shared.response import Row

T = TypeVar("T")

MAX_TIMEOUT_S = 60.0
"""A request for a few invoices that takes longer than this is a problem of its own."""

MAX_ATTEMPTS = 2
MAX_BYTES = 4 << 20
_MAX_UNANSWERED = 3  # requests in a row; after them, no more are sent


@dataclass(frozen=True)
class ListResponse(ListingStart):
    """A list of invoices, or the beginning of one; it has what a `ListingStart` has.

    Args:
        seconds: How long the response took, without retries.
        server_time: The server's `Date`, if there was one.
        received_at: This machine's time, in seconds of the epoch, when it began to arrive.
        headers: The response's headers.
        tls: The version of TLS; None without TLS.
    """

    seconds: float = 0.0
    server_time: datetime | None = None
    received_at: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: str | None = None

    @property
    def ids(self) -> list[int | None]:
        """The ids of the invoices, in the server's order."""
        return [row.id for row in self.rows]

    @property
    def has_repeated_ids(self) -> bool:
        """Whether an invoice is listed more than once."""
        known = [each for each in self.ids if each is not None]
        return len(known) > len({*known})

    @property
    def time(self) -> datetime:
        """The server's time, or this machine's where the server does not tell its own."""
        return self.server_time or datetime.fromtimestamp(self.received_at, UTC)


@dataclass(frozen=True)
class Failure:
    """A request without a usable response.

    Args:
        reason: What happened, to stand in a sentence.
        status: The HTTP status, if there was a response with one.
        is_tls: Whether TLS failed.
        is_unanswered: Whether the connection failed or took too long.

    Attributes:
        rows: No invoices, so that a failure can be read like an empty list.
        ids: No ids, likewise.
        is_complete: Never.
    """

    rows: ClassVar[Sequence[Row]] = ()
    ids: ClassVar[list[int | None]] = []
    is_complete: ClassVar[bool] = False

    reason: str
    status: int | None = None
    is_tls: bool = False
    is_unanswered: bool = False

    @classmethod
    def from_error(cls, error: PluginError) -> Self:
        """Describe an error of the HTTP client."""
        if isinstance(error, HttpStatusError):
            return cls(error.reason, error.status)
        cause = error.__cause__
        if not isinstance(cause, ConnectionFailedError):
            return cls(str(error).rstrip("."))
        is_tls = isinstance(cause.__cause__, requests.exceptions.SSLError)
        is_unanswered = not isinstance(cause, MalformedResponseError)
        return cls(cause.reason, is_tls=is_tls, is_unanswered=is_unanswered)

    def __str__(self) -> str:
        """Format it as a sentence, without the full stop."""
        return self.reason[:1].upper() + self.reason[1:]

    @property
    def is_rejection(self) -> bool:
        """Whether the server understood the request and did not accept it.

        The server responds to a mistake in the query with 500, since its query parser raises.
        """
        return self.status in {400, 404, 409, 422, 500}


Outcome: TypeAlias = ListResponse | Failure

NOT_REQUESTED = Failure("it was not asked for")


def require(outcome: T | Failure, advice: str = "", *, end: str = ".") -> T:
    """Return a response.

    Args:
        outcome: That, or how its request failed.
        advice: What to do about a failure; with advice it is a problem, without it leaves the
            check unknown.
        end: The end of the sentence that says how the request failed.

    Raises:
        Unchecked: The request failed.
    """
    if not isinstance(outcome, Failure):
        return outcome
    status = Status.PROBLEM if advice else Status.UNKNOWN
    raise Unchecked(f"{outcome}{end}", advice, status)


class Probe:
    """Sends the requests of a check.

    Args:
        settings: Where the API is, and who sends the requests.
        user_agent: Sent as `User-Agent`.

    Attributes:
        client: Sends requests in the way that the tap does.
        durations: How long each response took, in seconds.
    """

    def __init__(self, settings: ApiSettings, user_agent: str) -> None:
        timeout = min(settings.request_timeout, MAX_TIMEOUT_S)
        settings = replace(settings, request_timeout=timeout)
        self._http = HttpClient(settings, user_agent=user_agent, max_attempts=MAX_ATTEMPTS)
        self._system_id = settings.system_id
        self._unanswered = 0  # requests in a row
        self.client = ExportClient(self._http, settings)
        self.durations: list[float] = []

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        return self._http.stats.sent

    def send(self, query: ExportQuery, page: PageRequest, system_id: str = "") -> Outcome:
        """Send a request, and return the response or how it failed.

        Args:
            query: Which list.
            page: Which part of it.
            system_id: For which system, if not for that of the settings.
        """
        if self._unanswered >= _MAX_UNANSWERED:
            return Failure("not sent, since the server has stopped responding")
        system = ("system_id", system_id or self._system_id)
        parameters = [system, *query.to_query(), *page.to_query()]
        read = partial(_read, max_bytes=MAX_SAMPLE_BYTES if query.lines else MAX_BYTES)
        try:
            response = self._http.get(EXPORT_PATH, parameters, read, Purpose())
        except PluginError as error:
            failure = Failure.from_error(error)
            self._unanswered = self._unanswered + 1 if failure.is_unanswered else 0
            return failure
        self._unanswered = 0
        self.durations.append(response.seconds)
        return response


def _read(response: requests.Response, max_bytes: int) -> ListResponse:
    received_at, began = time.time(), time.monotonic()
    tls = _tls_version(response)  # the connection is released after the body
    start = read_listing_start(response, max_bytes)
    return ListResponse(
        **vars(start),
        seconds=response.elapsed.total_seconds() + time.monotonic() - began,
        server_time=times.parse_http_date(response.headers.get("Date")),
        received_at=received_at,
        headers=response.headers,
        tls=tls,
    )


def _tls_version(response: requests.Response) -> str | None:
    connection = getattr(response.raw, "connection", None)
    version = getattr(getattr(connection, "sock", None), "version", None)
    return version() if version else None
