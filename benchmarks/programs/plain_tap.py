"""A tap of the same API as the SDK's template would have it: REST stream, child stream."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, SchemaDirectory, StreamSchema, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BasePageNumberPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.helpers.types import Context, Record

SCHEMAS = SchemaDirectory(Path(os.environ["PLAIN_TAP_SCHEMAS"]))


class Pages(BasePageNumberPaginator):
    """Pages count from 0; a page that is not full is the last one."""

    def __init__(self, page_size: int) -> None:
        """Start with the first page."""
        super().__init__(start_value=0)
        self._page_size = page_size

    @override
    def has_more(self, response: requests.Response) -> bool:
        return bool(self._page_size) and len(response.json()["invoices"]) >= self._page_size


class PlainStream(RESTStream[int]):
    """What the template calls the client."""

    records_jsonpath = "$.invoices[*]"

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config["access_token"])

    @override
    def get_new_paginator(self) -> Pages:
        return Pages(self.config["page_size"])

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        query: dict[str, Any] = {"system_id": self.config["system_id"], "includes[]": "lines"}
        if size := self.config["page_size"]:
            query |= {"limit": size, "page": next_page_token or 0}
        return query


class Invoices(PlainStream):
    """Invoices."""

    name = "invoices"
    path = "/v10/invoices/export"
    primary_keys = ("id",)
    schema = StreamSchema(SCHEMAS)

    @override
    def get_child_context(self, record: Record, context: Context | None) -> dict[str, Any]:
        return {"invoice_id": record["id"], "lines": record.pop("lines")}


class InvoiceLines(PlainStream):
    """Their lines, which came with them."""

    name = "invoice_lines"
    path = ""
    primary_keys = ("id",)
    schema = StreamSchema(SCHEMAS)
    parent_stream_type = Invoices
    state_partitioning_keys = ()

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        yield from (context or {})["lines"]


class PlainTap(Tap):
    """The tap."""

    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True, secret=True),
        th.Property("system_id", th.StringType, required=True),
        th.Property("page_size", th.IntegerType, default=250),
    ).to_dict()

    @override
    def discover_streams(self) -> list[PlainStream]:
        return [Invoices(self), InvoiceLines(self)]


if __name__ == "__main__":
    PlainTap.cli()
