"""What a check asks, in which order, depending on what came before."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import PLUGIN_NAME, times
from tap_invoices._shared.listing import MAX_SAMPLE_BYTES, ExportQuery, PageRequest
from tap_invoices._shared.quantity import counted
from tap_invoices.discovery import learn_schemas, read_sample

from .content_checks import creation_filters
from .counting import Count, count_rows
from .facts import PAGE_SIZE, Facts, ListFacts
from .list_checks import is_same, is_sorted_by_creation
from .paging_checks import HONOURED, IGNORED, PAGE_ONLY, REJECTED, start_use
from .probe import Failure, Reply, RequestFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tap_invoices._shared.listing import ExportClient

    from .facts import Schemas
    from .list_checks import Counted
    from .probe import Outcome, Probe

_SAMPLE_SIZE = 250  # invoices with lines, where page_size is 0
_BEYOND_ANY_ZONE = timedelta(hours=26)

_logger = logging.getLogger(PLUGIN_NAME)


class Exploration:
    """Asks what a check needs to know.

    Args:
        probe: Sends the requests.
        config: The tap's settings.
    """

    def __init__(self, probe: Probe, config: Mapping[str, Any]) -> None:
        pending = ExportQuery(filter_groups=config.get("filter_groups") or ())
        self._total = ListFacts(replace(pending, since=times.EPOCH))
        self._pending = ListFacts(pending)
        self._facts = Facts(self._total, self._pending, config["page_size"] or _SAMPLE_SIZE)
        self._probe = probe
        self._config = config

    def run(self) -> Facts:
        """Ask everything; where the first request fails, nothing else."""
        self._ask_first()
        if isinstance(self._facts.first, Reply):
            for topic, ask in (
                ("paging", self._ask_paging),
                ("the number of invoices", self._count_lists),
                ("not_exported_since", self._ask_since),
                ("the oldest invoices", self._ask_sorted),
                ("an unknown system_id", self._ask_unknown_system),
                ("the content of invoices", self._ask_sample),
                ("filters", self._ask_filtered),
                ("columns", self._ask_columns),
            ):
                _logger.info(
                    "Checking %s (%s so far).", topic, counted(self._probe.requests, "request")
                )
                ask()
        return self._facts

    def _ask_first(self) -> None:
        _logger.info("Checking the connection; nothing will be marked.")
        facts, query = self._facts, self._pending.query
        facts.first = self._probe.ask(query, PageRequest(limit=1))
        if isinstance(facts.first, Failure) and facts.first.is_rejection:
            without_limit = self._probe.ask(query, PageRequest())
            if isinstance(without_limit, Reply):
                facts.first, facts.is_limit_rejected = without_limit, True

    def _ask_paging(self) -> None:
        facts = self._facts
        self._total.page = self._probe.ask(self._total.query, self._page_request())
        self._pending.page = self._probe.ask(self._pending.query, self._page_request())
        query, page = facts.base.query, facts.base.page
        facts.again = self._probe.ask(query, self._page_request())
        if facts.is_limit_rejected:
            return
        facts.offset = self._probe.ask(query, PageRequest(limit=1, start=1))
        first = page.ids if isinstance(page, Reply) else []
        if isinstance(facts.offset, Reply) and facts.offset.ids[:1] == first[:1]:
            facts.second_page = self._probe.ask(query, PageRequest(limit=1, page=1))
        facts.start = start_use(first, facts.offset, facts.second_page)

    def _count_lists(self) -> None:
        total, pending = self._total, self._pending
        total.counted = self._count(total)
        known = total.counted if isinstance(total.counted, Count) else None
        at_most = known.value if known and known.is_exact else None
        pending.counted = self._count(pending, at_most=at_most)

    def _count(self, listing: ListFacts, at_most: int | None = None) -> Counted:
        page = listing.page
        if isinstance(page, Failure):
            return page
        if not page.is_complete:
            return "A response with the whole list is larger than this check reads."
        if page.has_repeated_ids:
            return "Invoices are listed more than once, so they cannot be counted."
        if len(page.rows) < self._step or self._facts.limit.kind in {IGNORED, REJECTED}:
            return Count(len(page.rows))
        return self._count_by_pages(listing, at_most)

    def _count_by_pages(self, listing: ListFacts, at_most: int | None) -> Counted:
        if not self._can_page:
            return "Pages cannot be told apart (see start and order), so they cannot be counted."

        def count_page(number: int) -> int:
            outcome = self._probe.ask(listing.query, self._page_request(number))
            if isinstance(outcome, Failure):
                raise RequestFailedError(outcome)
            return len(outcome.rows)

        try:
            return count_rows(self._step, count_page, at_most=at_most)
        except RequestFailedError as error:
            return error.failure

    def _ask_since(self) -> None:
        facts, query = self._facts, self._pending.query
        counted = self._pending.counted
        can_page = self._can_page and isinstance(counted, Count) and counted.is_exact
        last = counted.value // self._step if can_page and isinstance(counted, Count) else 0
        page = self._page_request(last)
        facts.default = self._probe.ask(query, page) if last else self._pending.page
        if isinstance(facts.default, Failure):
            return
        later = facts.default.time + _BEYOND_ANY_ZONE
        # `Date` is the beginning of a second, in which an invoice may have been marked.
        now = facts.default.server_time or later
        since = _format(now + timedelta(seconds=1))
        facts.now = self._probe.ask(replace(query, since=since), page)
        if isinstance(facts.now, Reply) and not is_same(facts.default, facts.now):
            facts.future = self._probe.ask(replace(query, since=_format(later)), page)
            facts.default_again = self._probe.ask(query, page)

    def _ask_sorted(self) -> None:
        facts, base = self._facts, self._facts.base
        oldest_first = replace(base.query, sort="created_at")
        newest_first = replace(oldest_first, descending=True)
        base.ascending = self._probe.ask(oldest_first, self._page_request())
        facts.descending = self._probe.ask(newest_first, self._page_request())
        facts.is_sorted = is_sorted_by_creation(base.ascending, facts.descending)
        if facts.is_sorted and base is not self._pending and not self._pending.is_read:
            query = replace(self._pending.query, sort="created_at")
            self._pending.ascending = self._probe.ask(query, self._page_request())

    def _ask_unknown_system(self) -> None:
        name = f"tap-invoices-check-{secrets.token_hex(4)}"
        self._facts.unknown_system = self._probe.ask(
            self._pending.query, self._page_request(), system_id=name
        )

    def _ask_sample(self) -> None:
        facts, base = self._facts, self._facts.base
        facts.page = facts.sample = self._ask_lines(facts.sample_size)
        if isinstance(facts.page, Failure) and self._step < facts.sample_size:
            facts.sample = self._ask_lines(self._step)
        rows = facts.sample.rows if isinstance(facts.sample, Reply) else ()
        if isinstance(base.counted, Count) and base.counted.value < len(rows):
            base.counted = "More invoices came than were counted: a page in between was empty."

    def _ask_lines(self, size: int) -> Outcome:
        limit = 0 if self._facts.is_limit_rejected else size
        query = replace(self._facts.base.query, lines=True)
        return self._probe.ask(query, PageRequest(limit=limit), max_bytes=MAX_SAMPLE_BYTES)

    def _ask_filtered(self) -> None:
        facts, page = self._facts, self._facts.base.page
        facts.filters = creation_filters(page.rows if isinstance(page, Reply) else ())
        if facts.filters:
            facts.around = self._ask_group(facts.filters.around)
            facts.after = self._ask_group(facts.filters.after)

    def _ask_group(self, group: Mapping[str, Any]) -> Outcome:
        query = self._facts.base.query
        groups = [*query.filter_groups, group]
        return self._probe.ask(replace(query, filter_groups=groups), self._page_request())

    def _ask_columns(self) -> None:
        def discover(client: ExportClient) -> Schemas:
            sample = read_sample(
                client,
                drafts=self._config["include_non_booked"],
                is_limited=self._config["page_size"] > 0,
            )
            return learn_schemas(sample)

        self._facts.schemas = self._probe.call(discover)

    @property
    def _can_page(self) -> bool:
        return self._facts.start in {HONOURED, PAGE_ONLY}

    @property
    def _step(self) -> int:
        """Invoices a page: where the server returns fewer than were asked for, so many."""
        page = self._facts.base.page
        returned = len(page.rows) if isinstance(page, Reply) else 0
        return min(returned, PAGE_SIZE) or PAGE_SIZE

    def _page_request(self, number: int = 0) -> PageRequest:
        """Return the request for a page; `start` and `page` name the same invoices."""
        if self._facts.is_limit_rejected:
            return PageRequest()
        step = self._step
        return PageRequest(limit=step, start=number * step, page=number)


def _format(moment: datetime) -> str:
    return times.format_for_api(moment.isoformat(timespec="seconds"))
