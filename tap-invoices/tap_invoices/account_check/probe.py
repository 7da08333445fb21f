"""Sending the requests of a check: GET alone, each read no further than a few MiB."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import requests

from tap_invoices._shared import times
from tap_invoices._shared.errors import ConnectionFailedError, MalformedResponseError, PluginError
from tap_invoices._shared.http import EXPORT_PATH, HttpClient, HttpStatusError
from tap_invoices._shared.listing import ExportClient, read_listing_start
from tap_invoices._shared.status import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_invoices._shared.api_settings import ApiSettings
    from tap_invoices._shared.listing import ExportQuery, PageRequest
    from tap_invoices._shared.response import Row

T = TypeVar("T")

MAX_TIMEOUT_S = 60.0
"""A request for a few invoices that takes longer than this is a problem of its own."""

MAX_ATTEMPTS = 2
MAX_BYTES = 4 << 20
_MAX_SILENCES = 3  # requests in a row without a response, after which no more are sent


@dataclass(frozen=True)
class Reply:
    """A list of invoices, or the beginning of one.

    Args:
        rows: The invoices.
        is_complete: Whether that is the whole response, and not only its beginning.
        size: Bytes that were read, after decompression.
        seconds: How long the response took, without retries.
        server_time: The server's `Date`, if there was one.
        received_at: This machine's time, in seconds of the epoch, when it began to arrive.
        headers: The response's headers.
        tls: The version of TLS; None without TLS.
    """

    rows: Sequence[Row]
    is_complete: bool = True
    size: int = 0
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
    """

    reason: str
    status: int | None = None
    is_tls: bool = False

    def __str__(self) -> str:
        """Format it as a sentence, without the full stop."""
        return self.reason[:1].upper() + self.reason[1:]

    @property
    def is_rejection(self) -> bool:
        """Whether the server understood the request and did not accept it.

        A mistake in the query is answered with 500, since the query parser raises.
        """
        return self.status in {400, 404, 409, 422, 500}


Outcome: TypeAlias = Reply | Failure

NOT_ASKED = Failure("it was not asked for")


class RequestFailedError(Exception):
    """A request that a check cannot do without has failed.

    Args:
        failure: How.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Probe:
    """Sends the requests of a check.

    Args:
        settings: Where the API is, and who asks.
        user_agent: Sent as `User-Agent`.

    Attributes:
        durations: How long each response took, in seconds.
    """

    def __init__(self, settings: ApiSettings, user_agent: str) -> None:
        self._settings = replace(
            settings, request_timeout=min(settings.request_timeout, MAX_TIMEOUT_S)
        )
        self._http = HttpClient(self._settings, user_agent=user_agent, max_attempts=MAX_ATTEMPTS)
        self._silences = 0
        self.durations: list[float] = []

    @property
    def requests(self) -> int:
        """How many requests were sent, retries included."""
        return self._http.stats.sent

    def ask(
        self,
        query: ExportQuery,
        page: PageRequest,
        *,
        system_id: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Outcome:
        """Send a request, and return what came of it.

        Args:
            query: Which list.
            page: Which part of it.
            system_id: For which system, if not for that of the settings.
            max_bytes: How far to read a response.
        """
        if self._silences >= _MAX_SILENCES:
            return Failure("not sent, since the server has stopped responding")
        parameters = [
            ("system_id", system_id or self._settings.system_id),
            *query.to_query(),
            *page.to_query(),
        ]

        def read(response: requests.Response) -> Reply:
            return _read(response, max_bytes)

        try:
            reply = self._http.get(EXPORT_PATH, parameters, read, Purpose())
        except PluginError as error:
            self._silences = self._silences + 1 if _is_silence(error) else 0
            return _failure(error)
        self._silences = 0
        self.durations.append(reply.seconds)
        return reply

    def call(self, function: Callable[[ExportClient], T]) -> T | Failure:
        """Let a function of the tap send its requests.

        Returns:
            What it returns, or how one of its requests failed.
        """
        try:
            return function(ExportClient(self._http, self._settings))
        except PluginError as error:
            return _failure(error)


def _read(response: requests.Response, max_bytes: int) -> Reply:
    received_at, began = time.time(), time.monotonic()
    tls = _tls_version(response)
    start = read_listing_start(response, max_bytes)
    return Reply(
        start.rows,
        start.is_complete,
        start.size,
        response.elapsed.total_seconds() + time.monotonic() - began,
        times.parse_http_date(response.headers.get("Date")),
        received_at,
        response.headers,
        tls,
    )


def _tls_version(response: requests.Response) -> str | None:
    connection = getattr(response.raw, "connection", None)
    version = getattr(getattr(connection, "sock", None), "version", None)
    return version() if version else None


def _is_silence(error: PluginError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ConnectionFailedError) and not isinstance(
        cause, MalformedResponseError
    )


def _failure(error: PluginError) -> Failure:
    if isinstance(error, HttpStatusError):
        said = f' and said "{error.server_message}"' if error.server_message else ""
        return Failure(f"the API answered {error.status}{said}", error.status)
    cause = error.__cause__
    if isinstance(cause, ConnectionFailedError):
        is_tls = isinstance(cause.__cause__, requests.exceptions.SSLError)
        return Failure(cause.reason, is_tls=is_tls)
    return Failure(str(error).rstrip("."))
