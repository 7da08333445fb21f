"""Which requests a check sends, in which order, depending on the responses so far."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import PLUGIN_NAME, times
from tap_invoices._shared.errors import PluginError
from tap_invoices._shared.listing import ExportQuery, PageRequest
from tap_invoices._shared.quantity import counted
from tap_invoices.discovery import learn_schemas, read_sample

from .counting import Count, count_rows
from .facts import CREATION_RANGE, PAGE_SIZE, Facts, ListFacts, is_same
from .finding import Unchecked
from .probe import Failure, ListResponse, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_invoices._shared.api_settings import ApiSettings

    from .probe import Outcome, Probe

_BEYOND_ANY_ZONE = timedelta(hours=26)

_logger = logging.getLogger(PLUGIN_NAME)


class Exploration:
    """Collects the facts that the checks need.

    Args:
        probe: Sends the requests.
        settings: Where the API is.
        config: The tap's settings.
    """

    def __init__(self, probe: Probe, settings: ApiSettings, config: Mapping[str, Any]) -> None:
        query = ExportQuery(filter_groups=config.get("filter_groups") or ())
        self._total = ListFacts(replace(query, since=times.EPOCH))
        self._pending = ListFacts(query)
        self._facts = Facts(
            settings, config["page_size"], probe.durations, self._total, self._pending
        )
        self._probe = probe
        self._has_drafts = config["include_non_booked"]

    def run(self) -> Facts:
        """Send all requests; where the first one fails, no other."""
        _logger.info("Checking the connection; nothing will be marked.")
        self._explore_connection()
        if isinstance(self._facts.first, ListResponse):
            for topic, explore in (
                ("paging", self._explore_paging),
                ("the number of invoices", self._count_lists),
                ("not_exported_since", self._explore_since),
                ("the oldest invoices", self._explore_sort),
                ("an unknown system_id", self._explore_unknown_system),
                ("the content of invoices", self._explore_content),
                ("filters", self._explore_filters),
                ("columns", self._explore_columns),
            ):
                requests = counted(self._probe.requests, "request")
                _logger.info("Checking %s (%s so far).", topic, requests)
                explore()
        return self._facts

    def _explore_connection(self) -> None:
        facts, query = self._facts, self._pending.query
        facts.first = self._probe.send(query, PageRequest(limit=1))
        if isinstance(facts.first, Failure) and facts.first.is_rejection:
            without_limit = self._probe.send(query, PageRequest())
            if isinstance(without_limit, ListResponse):
                facts.first, facts.is_limit_rejected = without_limit, True

    def _explore_paging(self) -> None:
        facts = self._facts
        self._total.page = self._send(self._total.query)
        self._pending.page = self._send(self._pending.query)
        query, page = facts.base.query, facts.base.page
        facts.page_again = self._send(query)
        if facts.is_limit_rejected:
            return
        facts.by_start = self._probe.send(query, PageRequest(limit=1, start=1))
        if isinstance(facts.by_start, ListResponse) and facts.by_start.ids[:1] == page.ids[:1]:
            facts.by_page = self._probe.send(query, PageRequest(limit=1, page=1))

    def _count_lists(self) -> None:
        self._count(self._total)
        self._count(self._pending, at_most=self._total.exact_count)

    def _count(self, listing: ListFacts, at_most: int | None = None) -> None:
        try:
            listing.count = self._request_count(listing, at_most)
        except Unchecked as reason:
            listing.why_uncounted = reason

    def _request_count(self, listing: ListFacts, at_most: int | None) -> Count:
        page = _require_counted(listing.page)
        if not page.is_complete:
            raise Unchecked("A response with the whole list is larger than this check reads.")
        if page.has_repeated_ids:
            raise Unchecked("Invoices are listed more than once, so they cannot be counted.")
        if len(page.rows) < self._step or not self._facts.is_limited:
            return Count(len(page.rows))
        if not self._facts.can_page:
            reason = "Pages cannot be told apart (see start and order), so they cannot be counted."
            raise Unchecked(reason)

        def count_page(number: int) -> int:
            return len(_require_counted(self._send(listing.query, number)).rows)

        return count_rows(self._step, count_page, at_most=at_most)

    def _explore_since(self) -> None:
        facts, query = self._facts, self._pending.query
        count = self._pending.exact_count if facts.can_page else None
        number = (count or 0) // self._step
        facts.last = self._send(query, number) if number else self._pending.page
        if isinstance(facts.last, Failure):
            return
        later = facts.last.time + _BEYOND_ANY_ZONE
        # `Date` is the beginning of a second, in which an invoice may have been marked.
        now = (facts.last.server_time or later) + timedelta(seconds=1)
        facts.last_now = self._send(replace(query, since=_format(now)), number)
        if isinstance(facts.last_now, ListResponse) and not is_same(facts.last, facts.last_now):
            facts.last_later = self._send(replace(query, since=_format(later)), number)
            facts.last_again = self._send(query, number)

    def _explore_sort(self) -> None:
        facts, base = self._facts, self._facts.base
        oldest_first = replace(base.query, sort="created_at")
        base.ascending = self._send(oldest_first)
        facts.descending = self._send(replace(oldest_first, descending=True))
        if facts.is_sorted and base is not self._pending and not self._pending.is_read:
            query = replace(self._pending.query, sort="created_at")
            self._pending.ascending = self._send(query)

    def _explore_unknown_system(self) -> None:
        name = f"tap-invoices-check-{secrets.token_hex(4)}"
        self._facts.unknown_system = self._send(self._pending.query, system_id=name)

    def _explore_content(self) -> None:
        facts, base = self._facts, self._facts.base
        facts.sync_page = facts.sample = self._send_with_lines(facts.sample_size)
        if isinstance(facts.sync_page, Failure) and self._step < facts.sample_size:
            facts.sample = self._send_with_lines(self._step)
        if base.count and base.count.value < len(facts.sample.rows):
            base.count = None
            reason = "More invoices came than were counted: a page in between was empty."
            base.why_uncounted = Unchecked(reason)

    def _send_with_lines(self, size: int) -> Outcome:
        limit = 0 if self._facts.is_limit_rejected else size
        return self._probe.send(replace(self._facts.base.query, lines=True), PageRequest(limit))

    def _explore_filters(self) -> None:
        facts = self._facts
        if start := facts.first_created:
            end = start + CREATION_RANGE
            facts.around = self._send_created(gte=start, lte=end)
            facts.after = self._send_created(gte=end + timedelta(seconds=1))

    def _send_created(self, **bounds: datetime) -> Outcome:
        query = self._facts.base.query
        filters = [
            {"key": "created_at", "operator": operator, "value": moment.isoformat()}
            for operator, moment in bounds.items()
        ]
        groups = [*query.filter_groups, {"filters": filters}]
        return self._send(replace(query, filter_groups=groups))

    def _explore_columns(self) -> None:
        facts, client = self._facts, self._probe.client
        try:
            sample = read_sample(client, drafts=self._has_drafts, is_limited=facts.page_size > 0)
            facts.schemas = learn_schemas(sample)
        except PluginError as error:
            facts.schemas = Failure.from_error(error)

    @property
    def _step(self) -> int:
        """Invoices a page: as many as the server returns, where those are fewer than requested."""
        return min(len(self._facts.base.page.rows), PAGE_SIZE) or PAGE_SIZE

    def _send(self, query: ExportQuery, number: int = 0, system_id: str = "") -> Outcome:
        """Request a page by its number; `start` and `page` name the same invoices."""
        step = 0 if self._facts.is_limit_rejected else self._step
        return self._probe.send(query, PageRequest(step, number * step, number), system_id)


def _require_counted(outcome: Outcome) -> ListResponse:
    return require(outcome, "Try again later.", end=", when they were counted.")


def _format(moment: datetime) -> str:
    return times.format_for_api(moment.isoformat(timespec="seconds"))
