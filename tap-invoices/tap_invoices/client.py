"""The export endpoint: one request, asked again where that may help."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import backoff
import requests
from requests.auth import AuthBase
from typing_extensions import override

from tap_invoices import answers, errors, filters, times

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from backoff.types import Details

    from tap_invoices.answers import Invoice

_PATH = "/v10/invoices/export"
_TRIES = 7
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_READ_AT_ONCE = 1 << 20  # bytes

_logger = logging.getLogger("tap-invoices")


@dataclass(frozen=True)
class Window:
    """Which part of a list is asked for.

    Attributes:
        limit: Invoices at most; 0 asks for all.
        start: Offset of the first.
        page: Number of the page, from 0; a server that does not know `start` reads this.
    """

    limit: int = 0
    start: int = 0
    page: int = 0

    def to_query(self) -> Iterator[tuple[str, str]]:
        """Write the window as query parameters (Bruno's: `start` wins over `page`)."""
        if self.limit:
            yield "limit", str(self.limit)
            yield "page", str(self.page)
        if self.start:
            yield "start", str(self.start)


@dataclass(frozen=True)
class Listing:
    """Which list is asked for.

    Attributes:
        since: `not_exported_since` in the API's format; None for what is pending.
        lines: Whether lines are included.
        drafts: Whether drafts are listed too.
        groups: Filter groups.
    """

    since: str | None = None
    lines: bool = True
    drafts: bool = False
    groups: tuple[Mapping[str, Any], ...] = ()

    def to_query(self) -> Iterator[tuple[str, str]]:
        """Write the listing as query parameters."""
        if self.since:
            yield "not_exported_since", self.since
        if self.drafts:
            yield "include_non_booked", "1"
        if self.lines:
            yield "includes[]", "lines"
        yield from filters.to_query(self.groups)


class _Keys(AuthBase):
    """The token and the app key, on requests to the API only.

    An `auth` of our own also keeps a `.netrc` from replacing the token.
    """

    def __init__(self, access_token: str, app_key: str | None) -> None:
        self._headers = {"Authorization": f"Bearer {access_token}"}
        if app_key:
            self._headers["X-Traede-App-Key"] = app_key

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r


class ExportClient:
    """Reads `GET /v10/invoices/export`.

    Attributes:
        requests: How many were sent.
        last_date: The server's `Date` of the last answer, if it had one.
        last_asked: When that answer was asked for, by the monotonic clock: `last_date` is no
            earlier, however long the answer took.
    """

    def __init__(self, config: Mapping[str, Any], *, user_agent: str, tries: int = _TRIES) -> None:
        """Make a client.

        Args:
            config: The tap's settings.
            user_agent: Who asks.
            tries: How often a request is sent at most.
        """
        self._url = config["api_url"].rstrip("/") + _PATH
        self._system_id = config["system_id"]
        self._timeout = float(config["request_timeout"])  # a fraction comes as a `Decimal`
        self._session = requests.Session()
        self._session.auth = _Keys(config["access_token"], config.get("app_key"))
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": user_agent,
            },
        )
        retried = backoff.on_exception(
            _waits,
            (errors.RefusedError, errors.UnusableError, *errors.TRANSIENT),
            max_tries=tries,
            giveup=lambda error: isinstance(error, errors.RefusedError) and not error.retry,
            on_backoff=_log_retry,
            jitter=None,
            logger=None,
        )
        self._get = retried(self._get_once)
        self._blank = self._session.prepare_request(requests.Request("GET", self._url))
        # Proxies and certificates that the environment names, looked up once.
        self._surroundings: Any = self._session.merge_environment_settings(
            self._url, {}, stream=True, verify=None, cert=None
        )
        self.requests = 0
        self.last_date: datetime | None = None
        self.last_asked = 0.0

    def fetch(self, listing: Listing, window: Window) -> list[Invoice]:
        """Ask for a part of a list.

        Raises:
            TapError: The API refuses, stays unreachable, or answers something else.
        """
        return self._ask(listing, window)

    def server_time(self) -> datetime:
        """Ask for the server's clock; the body of the answer is not read.

        Raises:
            TapError: The API refuses or stays unreachable.
        """
        self._ask(Listing(lines=False), Window(limit=1), with_body=False)
        return self.last_date or datetime.now(UTC)

    def _ask(self, listing: Listing, window: Window, *, with_body: bool = True) -> list[Invoice]:
        query = [("system_id", self._system_id), *listing.to_query(), *window.to_query()]
        try:
            invoices: list[Invoice] = self._get(query, with_body=with_body)
        except errors.TRANSIENT as error:
            raise errors.TapError(
                f"The API at {self._url} cannot be reached ({_reason(error)}). Check api_url and "
                "the network; the next run goes on from here.",
            ) from error
        return invoices

    def _get_once(self, query: list[tuple[str, str]], *, with_body: bool) -> list[Invoice]:
        self.requests += 1
        asked = time.monotonic()
        request = self._blank.copy()
        request.prepare_url(self._url, query)
        request.prepare_cookies(self._session.cookies)
        with self._session.send(
            request,
            timeout=self._timeout,
            allow_redirects=False,
            **self._surroundings,
        ) as response:
            if response.status_code != requests.codes.ok:
                raise errors.RefusedError(response)
            self.last_date = times.server_time(response.headers.get("Date"))
            self.last_asked = asked
            return answers.parse(_body(response)) if with_body else []


def _body(response: requests.Response) -> bytearray:
    """Read a body into one piece of memory; `content` would need it twice."""
    body = bytearray()
    for chunk in response.iter_content(_READ_AT_ONCE):
        body += chunk
    return body


def _waits() -> Generator[Any, Any, None]:
    """Yield seconds to wait: growing with jitter, and as long as `Retry-After` says."""
    error = yield
    ceiling = _FIRST_WAIT
    while True:
        wait = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, no secret
        error = yield max(wait, getattr(error, "retry_after", 0.0))
        ceiling = min(ceiling * 2, _LONGEST_WAIT)


def _log_retry(details: Details) -> None:
    error = details.get("exception")
    _logger.warning(
        "Try %d failed (%s); asking again in %.1f s.",
        details["tries"],
        error if isinstance(error, errors.TapError) else _reason(error),
        details.get("wait", 0.0),
    )


def _reason(error: BaseException | None) -> str:
    """Name a connection's failure without the address and query that its text repeats."""
    match error:
        case requests.ConnectTimeout():
            return "no connection in time"
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted"
        case requests.exceptions.ProxyError():
            return "the proxy refuses"
        case (
            requests.exceptions.ChunkedEncodingError() | requests.exceptions.ContentDecodingError()
        ):
            return "the answer was cut off"
        case _:
            return "the connection was refused or lost"
