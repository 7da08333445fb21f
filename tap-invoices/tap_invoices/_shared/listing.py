"""`GET /v10/invoices/export`: one request for a part of one list."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from . import times
from .errors import MalformedResponseError
from .filters import filters_to_query
from .http import EXPORT_PATH, iter_body, read_body, remove_preamble
from .response import parse_listing, parse_listing_start
from .status import Purpose
from .transport import MAX_RESPONSE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import requests

    from .api_settings import ApiSettings
    from .http import HttpClient
    from .response import Row

T = TypeVar("T")

MAX_SAMPLE_BYTES = 16 << 20


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list to request.

    An offset is never sent without a limit: that is an OFFSET without a LIMIT, which MySQL,
    MariaDB and SQLite do not accept.

    Args:
        limit: Invoices at most; 0 requests all.
        start: Offset of the first.
        page: Number of the page, from 0: servers that ignore `start` read this.
    """

    limit: int = 0
    start: int = 0
    page: int = 0

    def to_query(self) -> Iterator[tuple[str, str]]:
        """Format it as query parameters (Bruno's: `start` takes precedence over `page`)."""
        if self.limit:
            yield "limit", str(self.limit)
            yield "page", str(self.page)
            if self.start:
                yield "start", str(self.start)


@dataclass(frozen=True)
class ExportQuery:
    """Which list to request.

    Args:
        since: `not_exported_since` in the API's format; None for what is pending.
        lines: Whether to include lines.
        drafts: Whether to list drafts too.
        filter_groups: Filters, as in the setting.
        sort: A field to sort by, ascending; None for the server's own order.
        descending: Whether to sort descending.
    """

    since: str | None = None
    lines: bool = False
    drafts: bool = False
    filter_groups: Sequence[Mapping[str, Any]] = ()
    sort: str | None = None
    descending: bool = False

    def to_query(self) -> Iterator[tuple[str, str]]:
        """Format it as query parameters."""
        if self.since:
            yield "not_exported_since", self.since
        if self.drafts:
            yield "include_non_booked", "1"
        if self.lines:
            yield "includes[]", "lines"
        yield from filters_to_query(self.filter_groups)
        if self.sort:
            yield "sort[0][key]", self.sort
            yield "sort[0][direction]", "DESC" if self.descending else "ASC"

    @property
    def settings(self) -> list[str]:
        """The settings that shaped the list, to be named where the API rejects it."""
        shaped = {"start_date": self.since, "filter_groups": self.filter_groups}
        return ["system_id", *(name for name, value in shaped.items() if value)]


@dataclass(frozen=True)
class Page:
    """The response to one request.

    Args:
        rows: The invoices, in the server's order; those that cannot be read among them.
        server_time: The server's `Date`, if there was one.
        requested_at: When the request was sent, by the monotonic clock: `server_time` is
            not earlier, however long the response took.
    """

    rows: Sequence[Row]
    server_time: datetime | None
    requested_at: float


class ExportClient:
    """Reads lists of one receiving system's invoices.

    It is not a `RESTStream` of the SDK: that decodes each record into Python objects (a
    tenth of the speed), puts response texts, and so customers' data, into its errors, and
    knows neither a bound for slow responses nor `Retry-After`.

    Args:
        http: Sends the requests.
        settings: Whose invoices.
    """

    def __init__(self, http: HttpClient, settings: ApiSettings) -> None:
        self.http = http
        self._system_id = settings.system_id

    def fetch(self, query: ExportQuery, page: PageRequest) -> Page:
        """Request a part of a list.

        Raises:
            PluginError: The API rejects it, stays unreachable, or sends something else.
        """

        def read(response: requests.Response) -> list[Row]:
            return parse_listing(read_body(response, MAX_RESPONSE_BYTES))

        return self._fetch(query, page, read)

    def fetch_sample(self, query: ExportQuery, size: int, *, is_limited: bool = True) -> Page:
        """Request the first invoices of a list, in bounded memory.

        Where a server ignores the limit, the response is cut off and what is complete is
        returned.

        Args:
            query: Which list.
            size: How many invoices at most.
            is_limited: Whether to send a limit, which some servers reject.

        Raises:
            PluginError: The API rejects it, stays unreachable, or sends something else.
        """

        def read(response: requests.Response) -> Sequence[Row]:
            return read_listing_start(response, MAX_SAMPLE_BYTES).rows[:size]

        return self._fetch(query, PageRequest(limit=size if is_limited else 0), read)

    def read_server_time(self, *, is_limited: bool = True) -> datetime | None:
        """Request the server's clock; the body of the response is not read.

        Args:
            is_limited: Whether to send a limit, which some servers reject.

        Raises:
            PluginError: The API rejects it or stays unreachable.
        """
        return self._get(ExportQuery(), PageRequest(limit=int(is_limited)), _server_time)

    def _fetch(
        self,
        query: ExportQuery,
        page: PageRequest,
        read_rows: Callable[[requests.Response], Sequence[Row]],
    ) -> Page:
        def read(response: requests.Response) -> Page:
            return Page(read_rows(response), _server_time(response), requested_at)

        requested_at = time.monotonic()
        return self._get(query, page, read)

    def _get(
        self, query: ExportQuery, page: PageRequest, read: Callable[[requests.Response], T]
    ) -> T:
        parameters = [("system_id", self._system_id), *query.to_query(), *page.to_query()]
        settings = [*query.settings, *(["page_size"] if page.limit else [])]
        return self.http.get(EXPORT_PATH, parameters, read, Purpose(settings=settings))


@dataclass(frozen=True)
class ListingStart:
    """What was read of a response.

    Args:
        rows: Its invoices, as far as they were read.
        size: Bytes, after decompression.
        is_complete: Whether that is the whole response.
    """

    rows: Sequence[Row]
    size: int
    is_complete: bool


def read_listing_start(response: requests.Response, max_bytes: int) -> ListingStart:
    """Read a listing, or the beginning of one that is larger.

    Raises:
        PluginError: It is not a listing, or its first invoice alone is larger.
    """
    body = bytearray()
    try:
        for chunk in iter_body(response, MAX_RESPONSE_BYTES):
            body += chunk
            if len(body) > max_bytes:
                remove_preamble(body)
                if rows := parse_listing_start(body):
                    return ListingStart(rows, len(body), is_complete=False)
                raise MalformedResponseError(f"one invoice is larger than {max_bytes >> 20} MiB")
    finally:
        response.close()
    remove_preamble(body)
    return ListingStart(parse_listing(body), len(body), is_complete=True)


def _server_time(response: requests.Response) -> datetime | None:
    return times.parse_http_date(response.headers.get("Date"))
