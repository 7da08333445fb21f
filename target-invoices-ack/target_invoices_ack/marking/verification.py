"""Whether marks take effect: asked about one invoice, after the first batch of a run.

An API could accept marks and not keep them, or read `not_exported_since` in another time zone
than UTC. Either would make runs deliver invoices again and again, or leave them out.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from target_invoices_ack._shared import PLUGIN_NAME, times
from target_invoices_ack._shared.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_invoices_ack.client import AckClient

_MARGIN = timedelta(minutes=10)
"""More than clocks of one service differ, and less than time zones do."""

_MAX_OFFSET = timedelta(hours=15)
_MAX_REMEMBERED = 100_000
"""Invoices of which the time is kept: reading back, most may be marked already."""

_REPLICA_LAG_S = 2.0
"""How long a mark may take until every part of the service knows of it."""

_logger = logging.getLogger(PLUGIN_NAME)


class MarkVerifier:
    """Verifies the marks of the first batch, with at most three small requests.

    Args:
        client: Marks and lists.
    """

    def __init__(self, client: AckClient) -> None:
        self._client = client
        self._created_at: dict[int, str] = {}
        self._is_done = False

    def remember(self, invoice_id: int, created_at: object) -> None:
        """Take in when an invoice was created: by that the API can be asked about it."""
        if not self._is_done and created_at and len(self._created_at) < _MAX_REMEMBERED:
            self._created_at[invoice_id] = str(created_at)

    def verify(self, ids: Sequence[int]) -> None:
        """Verify that the mark of one of these invoices, the last that were marked, took effect.

        Raises:
            PluginError: It did not.
        """
        self._is_done = True
        found = None
        for invoice_id in ids:
            with suppress(KeyError, ValueError):
                found = invoice_id, times.parse_time(self._created_at[invoice_id])
                break
        self._created_at.clear()
        if found is None:
            _log_inconclusive("no invoice of the first batch has a usable created_at")
            return
        try:
            contradiction = self._check_lists(*found)
        except PluginError as error:
            _log_inconclusive(str(error))
            return
        if contradiction:
            raise PluginError(contradiction)

    def _check_lists(self, invoice_id: int, created_at: datetime) -> str | None:
        """Describe how the API's lists contradict the mark; None if they do not, or may not."""
        is_listed = partial(self._client.is_listed, invoice_id, created_at)
        if is_listed(None):
            time.sleep(_REPLICA_LAG_S)
            if is_listed(None):
                return (
                    f"The API accepted the mark of invoice {invoice_id}, and lists it as pending "
                    "all the same: it does not keep marks. Nothing else is marked. Check "
                    "system_id, and ask the provider."
                )
        marked_at = self._client.marked_at
        if marked_at is None:
            _log_inconclusive("the API does not send the time")
        elif is_listed(marked_at - _MARGIN):
            later = marked_at + _MARGIN
            if is_listed(later):
                return _describe_shift(invoice_id, marked_at, later, "lists it")
        elif is_listed(marked_at - _MAX_OFFSET):
            return _describe_shift(invoice_id, marked_at, marked_at - _MARGIN, "does not list it")
        else:
            _log_inconclusive("the API does not list a marked invoice by its created_at")
        return None


def _describe_shift(invoice_id: int, marked_at: datetime, since: datetime, found: str) -> str:
    marked, moment = times.format_bookmark(marked_at), times.format_bookmark(since)
    return (
        f"The API's clock said {marked} when invoice {invoice_id} was marked, and with "
        f"not_exported_since {moment} the API {found}: it reads that time in another zone than "
        "UTC, or its clocks differ. Runs would deliver invoices again or leave them out, so "
        "nothing else is marked. Ask the provider."
    )


def _log_inconclusive(reason: str) -> None:
    _logger.info("The check that marks take effect is inconclusive: %s.", reason.rstrip("."))
