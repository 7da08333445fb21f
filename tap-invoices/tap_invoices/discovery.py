"""A sample of the account's own invoices, old and new, to learn columns from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_invoices import times
from tap_invoices.client import Listing, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_invoices.answers import Invoice
    from tap_invoices.client import ExportClient

_SAMPLE = 100
_RECENT_DAYS = (7, 90, 700)


def sample(client: ExportClient, *, drafts: bool) -> list[dict[str, Any]]:
    """Read a sample: the first of all invoices, the latest, and some that are pending.

    Raises:
        TapError: The API refuses or cannot be reached.
    """
    invoices: dict[int, dict[str, Any]] = {}
    for answer in _answers(client, drafts=drafts):
        invoices |= {each.id: each.decoded() for each in answer}
    return list(invoices.values())


def _answers(client: ExportClient, *, drafts: bool) -> Iterator[list[Invoice]]:
    window = Window(limit=_SAMPLE)
    everything = Listing(times.FAR_BACK, drafts=drafts)
    first = client.fetch(everything, window)
    yield first
    if len(first) != _SAMPLE:
        return  # all there are, or a server that ignores limit
    yield client.fetch(Listing(drafts=drafts), window)
    now = client.last_date or datetime.now(UTC)
    for days in _RECENT_DAYS:
        after = times.to_api((now - timedelta(days=days)).isoformat())
        newer = {"filters": [{"key": "created_at", "operator": "gte", "value": after}]}
        latest = client.fetch(Listing(times.FAR_BACK, drafts=drafts, groups=(newer,)), window)
        yield latest
        if latest:
            return


def lines_of(invoices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a sample's invoices."""
    found = (invoice.get("lines") for invoice in invoices)
    return [
        line
        for lines in found
        if isinstance(lines, list)
        for line in lines
        if isinstance(line, dict)
    ]
