"""The export API: marking, and asking what there is; asked again where that may help."""

from __future__ import annotations

import logging
import random
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import backoff
import msgspec
import requests
from requests.auth import AuthBase
from typing_extensions import override

from target_invoices_ack import errors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from backoff.types import Details

MOST_A_REQUEST = 10
"""Invoices in one call of `mark-as-exported`, by the API's documentation."""

_MARK = "/v10/invoices/mark-as-exported"
_EXPORT = "/v10/invoices/export"
_TRIES = 8
_LONGEST_WAIT = 60.0

_logger = logging.getLogger("target-invoices-ack")


class Listed(msgspec.Struct):
    """What of a listed invoice is read; only the id is sure to be there, and of its type."""

    id: int
    created_at: Any = None


class _Answer(msgspec.Struct):
    invoices: list[Listed]


_decode = msgspec.json.Decoder(_Answer).decode


class _Keys(AuthBase):
    """The token and the app key; an `auth` of our own keeps a `.netrc` from replacing them."""

    def __init__(self, access_token: str, app_key: str | None) -> None:
        self._headers = {"Authorization": f"Bearer {access_token}"}
        if app_key:
            self._headers["X-Traede-App-Key"] = app_key

    @override
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r


class ExportApi:
    """Speaks to the export API for one receiving system; threads may share it."""

    def __init__(self, config: Mapping[str, Any], *, user_agent: str) -> None:
        """Make a client.

        Args:
            config: The target's settings.
            user_agent: Who asks.
        """
        self._url = config["api_url"].rstrip("/")
        self._system_id = config["system_id"]
        self._timeout = config["request_timeout"]
        self._auth = _Keys(config["access_token"], config.get("app_key"))
        self._agent = user_agent
        self._sessions = threading.local()
        self._send = backoff.on_exception(
            _waits,
            (errors.RefusedError, *errors.TRANSIENT),
            max_tries=_TRIES,
            giveup=_is_final,
            on_backoff=_log_retry,
            jitter=None,
            logger=None,
        )(self._send_once)

    def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
        """Mark invoices as exported.

        An answer that was lost is asked for again: a second mark does no harm.

        Args:
            batch: At most ten ids, each with its note.

        Raises:
            RefusedError: The API refuses the batch, or the token.
            TargetError: The API cannot be reached.
        """
        invoices = [
            {"invoice_id": invoice_id, "system_id": self._system_id}
            | ({"note": note} if note is not None else {})
            for invoice_id, note in batch
        ]
        request = self._empty_mark.copy()
        request.prepare_body(msgspec.json.encode({"invoices": invoices}), None)
        self._ask(request)

    def listed(self, query: Iterable[tuple[str, str]] = ()) -> dict[int, Listed]:
        """List booked invoices: without a query, what is pending.

        The whole list is asked for at once, the documented way; what a server holds back
        all the same is asked for behind it.

        Args:
            query: More parameters, such as `not_exported_since`.

        Raises:
            TargetError: The API refuses, cannot be reached, or answers no list.
        """
        asked = [("system_id", self._system_id), *query]
        found: dict[int, Listed] = {}
        window: list[tuple[str, str]] = []
        while True:
            answer = self._list([*asked, *window])
            before = len(found)
            found |= {each.id: each for each in answer}
            if len(found) == before:
                return found
            limit = str(max(len(answer), 1))
            window = [("limit", limit), ("page", str(len(found) // int(limit)))]
            window.append(("start", str(len(found))))

    def _list(self, query: list[tuple[str, str]]) -> list[Listed]:
        response = self._ask(self._prepared("GET", _EXPORT, query))
        try:
            return _decode(response.content).invoices
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise errors.TargetError(
                "The API answered without a list of invoices with their ids. Check api_url, "
                "and whether a proxy stands in between.",
            ) from None

    def _ask(self, request: requests.PreparedRequest) -> requests.Response:
        try:
            return self._send(request)
        except errors.TRANSIENT as error:
            raise errors.TargetError(
                f"The API at {self._url} cannot be reached ({_reason(error)}). Check api_url and "
                "the network; what is not marked is listed again.",
            ) from error

    def _send_once(self, request: requests.PreparedRequest) -> requests.Response:
        response = self._session().send(
            request,
            timeout=self._timeout,
            allow_redirects=False,
            **self._surroundings,
        )
        if not requests.codes.ok <= response.status_code < requests.codes.multiple_choices:
            raise errors.RefusedError(response)
        return response

    def _prepared(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = ()
    ) -> requests.PreparedRequest:
        return self._session().prepare_request(
            requests.Request(method, self._url + path, params=list(query)),
        )

    @cached_property
    def _empty_mark(self) -> requests.PreparedRequest:
        """A mark without its invoices: all else is the same in each, and prepared once."""
        return self._prepared("POST", _MARK)

    @cached_property
    def _surroundings(self) -> Any:  # noqa: ANN401 - as requests has it
        """Proxies and certificates that the environment names, looked up once."""
        return self._session().merge_environment_settings(
            self._url, {}, stream=None, verify=None, cert=None
        )

    def _session(self) -> requests.Session:
        """Return this thread's session: requests does not promise that they can be shared."""
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = requests.Session()
            session.auth = self._auth
            session.headers.update(
                {
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "User-Agent": self._agent,
                },
            )
        return session


def _is_final(error: Exception) -> bool:
    return isinstance(error, errors.RefusedError) and error.action is not errors.Action.RETRY


def _waits() -> Generator[Any, Any, None]:
    """Yield seconds to wait: growing with jitter, and as long as `Retry-After` says."""
    error = yield
    ceiling = 1.0
    while True:
        wait = random.uniform(ceiling / 4, ceiling)  # noqa: S311 - jitter, no secret
        error = yield max(wait, getattr(error, "retry_after", 0.0))
        ceiling = min(ceiling * 2, _LONGEST_WAIT)


def _log_retry(details: Details) -> None:
    error = details.get("exception")
    _logger.warning(
        "Try %d failed (%s); asking again in %.1f s.",
        details["tries"],
        error if isinstance(error, errors.TargetError) else _reason(error),
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
