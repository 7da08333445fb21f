"""Reconciling: what the API says this system has, against what was read.

A loader can report success and have lost a row. Its invoice is marked then and never listed
again, so nothing but this comparison finds it.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from target_invoices_ack._shared import PLUGIN_NAME, times
from target_invoices_ack._shared.filters import created_between
from target_invoices_ack._shared.id_ranges import IdRanges, format_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from target_invoices_ack.client import AckClient
    from target_invoices_ack.marking.acknowledger import Acknowledger

_logger = logging.getLogger(PLUGIN_NAME)


class Reconciliation:
    """Lists what the API has before the first record is read, and compares after the last.

    The order matters: first all invoices, then the pending ones, then the reading. An invoice
    that is marked by then was loaded even earlier, so the reading must find it, whatever other
    runs do meanwhile.

    Args:
        since: The time, in UTC if it has no zone.
        client: Lists invoices.
        acknowledger: Knows what is pending.

    Attributes:
        result: The comparison as a part of the run report; empty before it is made.
    """

    def __init__(self, since: str, client: AckClient, acknowledger: Acknowledger) -> None:
        self.result: dict[str, Any] = {}
        self._since = times.format_for_api(since)
        self._client = client
        self._acknowledger = acknowledger
        self._booked: Mapping[int, object] = {}
        self._pending = IdRanges()

    def load(self) -> None:
        """List what the API has.

        Raises:
            PluginError: The API rejects the request or cannot be reached.
        """
        self._booked = self._client.list_created_since(self._since)
        self._pending = self._acknowledger.pending

    def report(self, read: AbstractSet[int], marked: AbstractSet[int]) -> bool:
        """Log the comparison.

        Args:
            read: Invoices that were read.
            marked: Those that this run has marked.

        Returns:
            Whether nothing is missing.
        """
        pending = {each for each in self._booked if each in self._pending} - marked
        exported = self._booked.keys() - pending
        loaded = len(exported & read)
        missing = sorted(exported - read)
        self.result = {
            "reconciliation": {
                "since": times.to_rfc3339(self._since),
                "booked": len(self._booked),
                "loaded": loaded,
                "pending": len(pending),
                "missing": missing,
            }
        }
        _logger.info(
            "Of invoices created since %s UTC the API has %d: %d read and marked, %d pending, "
            "%d marked but not read.",
            self._since,
            len(self._booked),
            loaded,
            len(pending),
            len(missing),
        )
        if not missing:
            _logger.info("Nothing is missing in the warehouse.")
            return True
        _logger.error("Marked, but not read: %s.", format_ids(missing))
        _logger.error(
            "To load them again, run this as one line in the Meltano project: %s",
            reload_command(self._booked[each] for each in missing),
        )
        return False


def reload_command(created_at: Iterable[object]) -> str:
    """Return the command that delivers and loads invoices again, whatever their marks.

    It covers the time in which they were created, so others of that time come too. Under
    Meltano, it names the environment in which this program runs.

    Args:
        created_at: When each of them was created, as the API says.
    """
    environment = os.environ.get("MELTANO_ENVIRONMENT")
    words = ["meltano", *(["--environment", environment] if environment else [])]
    words += ["run", "--full-refresh", "tap-invoices", "target-invoices-ack"]
    settings = {
        "TAP_INVOICES_START_DATE": "1970-01-01T00:00:00Z",
        "TAP_INVOICES_FILTER_GROUPS": json.dumps(_filters_for(created_at)),
    }
    assigned = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    return " ".join((*assigned, shlex.join(words)))


def _filters_for(created_at: Iterable[Any]) -> list[dict[str, Any]]:
    """Return `filter_groups` for the time in which invoices were created.

    None if one of them does not say when: all invoices again are better than one too few.
    """
    try:
        moments = sorted(map(times.parse_time, created_at))
    except (TypeError, ValueError):
        return []
    return [created_between(moments[0], moments[-1] + timedelta(seconds=1))]
