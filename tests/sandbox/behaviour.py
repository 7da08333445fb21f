"""How the service behaves: what is unknown of a real account, and what goes wrong for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox import php_query

CHOICES = {
    "order": ("id", "id_desc", "shuffled", "random"),
    "sort": ("honoured", "ignored"),
    "filters": ("honoured", "ignored"),
    "database": ("mysql", "postgresql"),
    "laravel": (8, 10),
    "times": ("laravel", "laravel7", "rfc3339"),
    "numbers": ("number", "string"),
    "flags": ("boolean", "integer"),
    "json": ("plain", "php"),
    "lines": ("array", "object", "data", "null", "string", "missing"),
    "invoices": ("array", "object", "data", "null", "string", "missing"),
    "mark_response": ("json", "empty", "no_content"),
}
"""The values of the options that are a choice."""

PAGINGS = ("honoured", "page only", "limit ignored", "ignored")


@dataclass
class Behaviour:
    """The options of `Sandbox.behave` (`{"do": "behave", …}`); each stays until it is changed.

    Attributes:
        paging: `honoured`; `page only`, where `start` is ignored; `limit ignored`, where
            `start` is honoured; `ignored`, both; `{"capped": N}`; `{"refused": 422}` or
            `{"refused": 500}` for every request with a `limit`.
        order: `id`, `id_desc`, `shuffled` (the same each time), `random` (another one for each
            request). What a request asks for with `sort` comes first.
        sort: Whether `sort[0][key]` is `honoured` or `ignored`.
        filters: Whether `filter_groups` is `honoured` or `ignored`.
        repeats: How often a listing repeats each invoice, as a join does: a number, or `lines`
            for as often as the invoice has lines. `limit` counts the repeated rows.
        empty_page: The number of a page that is empty.
        memory_limit: `{"invoices": N, "display_errors": false}`: a listing of more than N dies,
            with a 500, or with `display_errors` as HTML with 200.
        database: `mysql` answers an offset without a limit with a 500, `postgresql` accepts it.
        url_limit: Bytes that a path with its query may have, before a web server answers 414 with
            HTML (nginx: about 8,000); None for no limit.
        max_input_vars: How many query variables PHP reads; the rest is dropped.
        systems: The `system_id`s that are known, others being refused (422); None takes an
            unknown one for a new system.
        utc_offset_hours: The zone, in hours ahead of UTC, in which the server reads
            `not_exported_since`, although it is documented as UTC.
        laravel: The major version. 8 says `The given data was invalid.` and names no route in
            a 404; 10 says the first error and names the route.
        rate_limit: `{"requests": N, "seconds": S}`: more requests than that are answered with
            429 and `Retry-After`; responses carry `X-RateLimit-Limit` and `-Remaining`.
        times: `laravel` (`2026-11-23 10:00:00`), `laravel7` (`2026-11-23T10:00:00.000000Z`) or
            `rfc3339` (`2026-11-23T10:00:00+00:00`).
        numbers: Decimals as JSON numbers (`number`) or as text (`string`).
        flags: `boolean`, or `integer` for 0 and 1.
        json: `plain`, or `php`: non-ASCII characters and slashes are escaped, and an empty
            object is `[]`.
        lines: The shape of every invoice's lines: `array`; `object`, PHP's filtered collection
            `{"1": …, "4": …}`; `data`, `{"data": […]}`; `null`; `string`; `missing`.
        invoices: The shape of the list of invoices, likewise.
        line_invoice_id: Whether lines carry `invoice_id`.
        gzip: Whether responses are compressed for clients that accept it.
        bom: Whether a byte order mark precedes the body.
        date: Whether responses carry `Date`.
        keep_marks: Whether marks are kept; if not, they are accepted with 200 all the same.
        mark_response: What marking returns: `json`, `empty` (200 without a body) or
            `no_content` (204).
        deadlocks: Seconds that each mark request takes; another one that arrives meanwhile is
            answered with a 500 and marks nothing. 0 for no deadlocks.
        note_limit: Characters that a mark's note may have; a longer one is refused (422).
    """

    paging: str | dict[str, int] = "honoured"
    order: str = "id"
    sort: str = "honoured"
    filters: str = "honoured"
    repeats: int | str = 1
    empty_page: int | None = None
    memory_limit: dict[str, Any] | None = None
    database: str = "mysql"
    url_limit: int | None = None
    max_input_vars: int = php_query.MAX_INPUT_VARS
    systems: list[str] | None = None
    utc_offset_hours: float = 0
    laravel: int = 10
    rate_limit: dict[str, float] | None = None
    times: str = "laravel"
    numbers: str = "number"
    flags: str = "boolean"
    json: str = "plain"
    lines: str = "array"
    invoices: str = "array"
    line_invoice_id: bool = True
    gzip: bool = False
    bom: bool = False
    date: bool = True
    keep_marks: bool = True
    mark_response: str = "json"
    deadlocks: float = 0
    note_limit: int | None = None

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: One of them is not known.
        """
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} {value!r} is not known; it can be {choices}")
        if not (self.paging in PAGINGS or self.cap or self.refusal):
            raise ValueError(f"paging {self.paging!r} is not known")
        if not (isinstance(self.repeats, int) and self.repeats >= 1) and self.repeats != "lines":
            raise ValueError(f"repeats {self.repeats!r} is not known")

    @property
    def cap(self) -> int | None:
        """The greatest limit, if there is one."""
        return self.paging.get("capped") if isinstance(self.paging, dict) else None

    @property
    def refusal(self) -> int | None:
        """The status of every request that has a limit, if it is refused."""
        status = self.paging.get("refused") if isinstance(self.paging, dict) else None
        return status if status in {422, 500} else None
