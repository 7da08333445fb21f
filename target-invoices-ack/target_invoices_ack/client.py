"""The API as the target uses it: marking invoices, and listing them in pages."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from target_invoices_ack._shared import times
from target_invoices_ack._shared.errors import MalformedResponseError, PluginError
from target_invoices_ack._shared.filters import created_between
from target_invoices_ack._shared.http import (
    MARK_PATH,
    MAX_SMALL_RESPONSE_BYTES,
    HttpClient,
    read_body,
    server_message,
)
from target_invoices_ack._shared.id_ranges import IdRanges
from target_invoices_ack._shared.listing import ExportClient, ExportQuery
from target_invoices_ack._shared.pagination import iter_pages
from target_invoices_ack._shared.response import RawInvoice
from target_invoices_ack._shared.status import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import requests

    from target_invoices_ack._shared.api_settings import ApiSettings
    from target_invoices_ack._shared.response import Row

MAX_BATCH_SIZE = 10
"""Invoices in one call of `mark-as-exported`, by the API's documentation."""

PAGE_SIZE = 1000
"""Invoices a request of a listing; they come without lines."""

SAMPLE_SIZE = 200
"""Invoices requested to find a single one among them."""

_MAX_DEPTH = 5
_FAILED = {"error", "errors", "fail", "failed", "failure", "false"}
_LISTS = ("invoices", "results", "items")
_SUCCESSES = ("success", "ok")
_FAILURES = (
    *("error", "errors", "exception", "failed", "failures", "not_marked", "rejected"),
    *("error_count", "failed_count"),
)
_OUTCOMES = ("status", "result", "code")
_HTTP_ERRORS = range(400, 600)


class _Created(msgspec.Struct):
    created_at: Any = None


_decode_created = msgspec.json.Decoder(_Created).decode


class AckClient:
    """Marks and lists the invoices of one receiving system; threads may share it.

    Args:
        settings: Where the API is, and whose invoices.
        user_agent: Sent as `User-Agent`.

    Attributes:
        marked_at: The server's time at the last mark, if it told one.
    """

    def __init__(self, settings: ApiSettings, *, user_agent: str) -> None:
        self.http = HttpClient(settings, user_agent=user_agent)
        self._export = ExportClient(self.http, settings)
        self._system_id = settings.system_id
        self.marked_at: datetime | None = None

    def mark(
        self, batch: Sequence[tuple[int, str | None]], max_attempts: int | None = None
    ) -> None:
        """Mark invoices as exported.

        A request whose response was lost is sent again: a second mark does no harm.

        Args:
            batch: At most ten ids, each with its note.
            max_attempts: How often the request is sent at most, if not as often as others.

        Raises:
            HttpStatusError: The API rejects the batch or the request.
            PluginError: The API cannot be reached, or does not confirm the marks.
        """
        invoices = [
            {"invoice_id": invoice_id, "system_id": self._system_id}
            | ({"note": note} if note is not None else {})
            for invoice_id, note in batch
        ]
        body = msgspec.json.encode({"invoices": invoices})
        self.marked_at = self.http.post(
            MARK_PATH, body, _read_marked, Purpose(is_mark=True), max_attempts=max_attempts
        )

    def list_pending(self) -> IdRanges:
        """List the booked invoices that are not marked.

        Raises:
            PluginError: The API rejects the request or cannot be reached.
        """
        pending = IdRanges()
        for _ in self._iter_rows(ExportQuery(), pending):
            pass
        return pending

    def list_created_since(self, moment: str) -> dict[int, object]:
        """List booked invoices, marked or not, that were created since a time.

        Args:
            moment: The time, in the API's format.

        Returns:
            Their ids, each with its `created_at` as the API sent it.

        Raises:
            PluginError: The API rejects the request or cannot be reached.
        """
        query = ExportQuery(since=times.EPOCH, filter_groups=[created_between(moment)])
        rows = self._iter_rows(query, IdRanges())
        return {row.id: _created_at(row) for row in rows if row.id is not None}

    def is_listed(self, invoice_id: int, created_at: datetime, since: datetime | None) -> bool:
        """Ask whether a list holds an invoice: one small request.

        Args:
            invoice_id: The invoice.
            created_at: When it was created; only invoices of that time are requested.
            since: `not_exported_since`; None for the list of what is pending.

        Raises:
            PluginError: The list cannot be had, or is too long to say.
        """
        second = timedelta(seconds=1)
        created = created_between(created_at - second, created_at + second)
        api_since = times.format_for_api(times.format_bookmark(since)) if since else None
        query = ExportQuery(since=api_since, filter_groups=[created])
        rows = self._export.fetch_sample(query, SAMPLE_SIZE).rows
        if any(row.id == invoice_id for row in rows):
            return True
        if len(rows) >= SAMPLE_SIZE:
            raise PluginError("the list of invoices of one second is too long, or not filtered")
        return False

    def _iter_rows(self, query: ExportQuery, seen: IdRanges) -> Iterator[Row]:
        for page in iter_pages(partial(self._export.fetch, query), PAGE_SIZE, seen):
            yield from page


def _created_at(row: Row) -> object:
    try:
        return _decode_created(row.raw).created_at if isinstance(row, RawInvoice) else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _read_marked(response: requests.Response) -> datetime | None:
    """Check that a success is one in content too; PHP answers a fatal error with 200 and HTML.

    Returns:
        The server's time.

    Raises:
        MalformedResponseError: It is not; the request is sent again, as after a 500.
    """
    body = read_body(response, MAX_SMALL_RESPONSE_BYTES)
    server_time = times.parse_http_date(response.headers.get("Date"))
    if not body.strip():
        return server_time
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedResponseError(
            f"it answered {response.status_code} to a mark, and not with JSON; it, or a proxy, "
            "may have a problem",
        ) from None
    if reports_failure(content):
        said = server_message(content) if isinstance(content, dict) else ""
        words = f' and said "{said}"' if said else ""
        raise MalformedResponseError(
            f"it answered {response.status_code} to a mark, but reported a failure{words}"
        )
    return server_time


def reports_failure(content: object, depth: int = _MAX_DEPTH) -> bool:
    """Whether the JSON of a success says that the request has failed.

    It does so by `success` or `ok` that is false, an `error`, `failed` and the like that is not
    empty, a `status` such as `error` or 422; at the top, in `data` and in the elements of a list.
    Of invoices that it repeats, the status is not read: it is theirs.
    """
    match content:
        case False:
            return True
        case dict() if depth:
            fields = _by_lower_case(content)
            return (
                any(fields.get(name) == 0 for name in _SUCCESSES)  # as false is
                or any(_is_false(fields.get(name)) for name in (*_SUCCESSES, *_OUTCOMES))
                or any(fields.get(name) for name in _FAILURES)
                or any(_is_error_code(fields.get(name)) for name in _OUTCOMES)
                or reports_failure(fields.get("data"), depth - 1)
                or any(_has_failed_item(fields.get(name)) for name in _LISTS)
            )
        case list() if depth:
            return any(reports_failure(each, depth - 1) for each in content)
        case _:
            return False


def _has_failed_item(items: object) -> bool:
    if not isinstance(items, list):
        return False
    results = [_by_lower_case(each) for each in items if isinstance(each, dict)]
    return any(
        any(_is_false(each.get(name)) for name in _SUCCESSES)
        or (
            "id" not in each  # otherwise it is the invoice, whose fields these are
            and (
                any(each.get(name) for name in ("error", "errors", "exception"))
                or any(_is_false(each.get(name)) for name in _OUTCOMES)
            )
        )
        for each in results
    )


def _by_lower_case(content: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in content.items()}


def _is_false(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() in _FAILED)


def _is_error_code(value: object) -> bool:
    text = str(value).strip()
    return text.isascii() and text.isdigit() and len(text) == 3 and int(text) in _HTTP_ERRORS  # noqa: PLR2004
