"""Requests to the API: authentication, retries with back-off, bounds in time and size."""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import requests
from typing_extensions import override

from . import PLUGIN_NAME, status, times
from .connection_failures import explain_failure
from .errors import ConnectionFailedError, PluginError, ResponseTooLargeError
from .preflight import connection_settings
from .redact import shorten, types_of, without_password
from .status import Action, Purpose
from .transport import DeadlineAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from backoff.types import Details

    from .api_settings import ApiSettings

T = TypeVar("T")

EXPORT_PATH = "/v10/invoices/export"
MARK_PATH = "/v10/invoices/mark-as-exported"

CONNECT_TIMEOUT_S = 20.0
"""An address that does not exist is not waited for as long as a slow response."""

MAX_ATTEMPTS = 8
INITIAL_WAIT_S = 0.5
MAX_WAIT_S = 60.0
MAX_RETRY_AFTER_S = 600.0

MAX_SMALL_RESPONSE_BYTES = 1 << 20
"""Of an error, or of the response to a mark."""

MAX_MESSAGE_LENGTH = 300
_CHUNK_SIZE = 1 << 16
_PREAMBLE = re.compile(rb"(?:\xef\xbb\xbf|\s)+")
_REJECTED_INDEX = re.compile(r"invoices\.(\d{1,4})(?:\.|$)", re.ASCII)

_logger = logging.getLogger(PLUGIN_NAME)


class _Session(requests.Session):
    """A session that takes no interest in redirects: `send` would read their bodies whole."""

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class HttpStatusError(PluginError):
    """A response that is not a success.

    Attributes:
        status: The HTTP status.
        reason: The status and the server's own words, in a few words.
        action: What to do about it.
        server_message: The server's own words, if it has any.
        rejected_indexes: Positions in the batch that the server's errors name, from 0.
        retry_after: Seconds that the server asks to wait, ten minutes at most.
    """

    def __init__(self, response: requests.Response, purpose: Purpose) -> None:
        body = _error_body(response)
        self.status = response.status_code
        self.server_message = server_message(body)
        self.rejected_indexes = frozenset(_rejected_indexes(body))
        self.retry_after = parse_retry_after(response.headers)
        policy = status.policy_for(self.status, self.server_message, purpose)
        self.action = policy.action
        said = f' and said "{self.server_message}"' if self.server_message else ""
        self.reason = f"the API answered {self.status}{said}"
        super().__init__(f"The API answered {self.status}{said}. {policy.hint}")


@dataclass
class RequestStats:
    """What was sent; threads may share it.

    Attributes:
        sent: Requests, retries included.
        retries: Requests that repeated one that had failed.
        seconds: Time spent waiting for the API, back-off included, summed over threads.
    """

    sent: int = 0
    retries: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, sent: int = 0, retries: int = 0, seconds: float = 0.0) -> None:
        """Add to the figures."""
        with self._lock:
            self.sent += sent
            self.retries += retries
            self.seconds += seconds

    def to_json(self) -> dict[str, float]:
        """Return the figures for the run report."""
        return {"sent": self.sent, "retries": self.retries, "seconds": round(self.seconds, 3)}


class HttpClient:
    """Sends requests to the API; threads may share it.

    Args:
        settings: Address and credentials of the API.
        user_agent: Sent as `User-Agent`.
        max_attempts: How often a request is sent at most.
    """

    def __init__(
        self, settings: ApiSettings, *, user_agent: str, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        self.stats = RequestStats()
        self._settings = settings
        self._user_agent = user_agent
        self._sessions = threading.local()
        self._templates: dict[tuple[str, str], requests.PreparedRequest] = {}
        self._attempt = self._retrying(max_attempts)

    def _retrying(self, max_attempts: int) -> Callable[..., Any]:
        """Return `_send_once` with retries."""
        return backoff.on_exception(
            _backoff_waits,
            (HttpStatusError, ConnectionFailedError),
            max_tries=max_attempts,
            giveup=_is_permanent,
            on_backoff=self._on_retry,
            jitter=None,
            logger=None,
        )(self._send_once)

    def get(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        read: Callable[[requests.Response], T],
        purpose: Purpose,
    ) -> T:
        """Send a GET request.

        Args:
            path: Behind the base URL.
            query: Query parameters.
            read: Turns a success into the result. It may raise `MalformedResponseError`,
                and the request is sent again.
            purpose: What the request is for.

        Raises:
            PluginError: The API rejects the request, stays unreachable, or sends what
                `read` cannot use.
        """
        request = self._template("GET", path)
        request.prepare_url(request.url, list(query))
        return self._send(request, read, purpose)

    def post(
        self,
        path: str,
        body: bytes,
        read: Callable[[requests.Response], T],
        purpose: Purpose,
        *,
        max_attempts: int | None = None,
    ) -> T:
        """Send a POST request with a JSON body, less often if `max_attempts` says so; see `get`."""
        request = self._template("POST", path)
        request.prepare_body(body, None)
        return self._send(request, read, purpose, max_attempts)

    def _send(
        self,
        request: requests.PreparedRequest,
        read: Callable[[requests.Response], T],
        purpose: Purpose,
        max_attempts: int | None = None,
    ) -> T:
        attempt = self._retrying(max_attempts) if max_attempts else self._attempt
        started = time.monotonic()
        try:
            result: T = attempt(request, read, purpose)
        except ConnectionFailedError as error:
            url = without_password(self._settings.base_url)
            raise PluginError(
                f"Cannot use the API at {url} ({error.reason}). {error.hint}; the next run resumes "
                "here.",
            ) from error
        finally:
            self.stats.add(seconds=time.monotonic() - started)
        return result

    def _send_once(
        self,
        request: requests.PreparedRequest,
        read: Callable[[requests.Response], T],
        purpose: Purpose,
    ) -> T:
        self.stats.add(sent=1)
        session, timeout = self._session(), self._settings.request_timeout
        try:
            request.headers.pop("Cookie", None)
            request.prepare_cookies(session.cookies)
            with session.send(
                request, timeout=(min(timeout, CONNECT_TIMEOUT_S), timeout), allow_redirects=False
            ) as response:
                return _read_success(response, read, purpose)
        except PluginError:
            raise
        except Exception as error:
            # What a server or a proxy can send makes requests, urllib3 and http.client raise
            # almost anything: ValueError, LookupError, RecursionError, zlib.error, …
            # Their texts may repeat the response, and so customers' data: only types are logged.
            _logger.debug("The request failed: %s.", " from ".join(types_of(error)))
            raise explain_failure(error) from error

    def _template(self, method: str, path: str) -> requests.PreparedRequest:
        """Return a request without query and body: the rest is the same each time."""
        if (method, path) not in self._templates:
            request = requests.Request(method, self._settings.base_url + path)
            self._templates[method, path] = self._session().prepare_request(request)
        return self._templates[method, path].copy()

    def _session(self) -> requests.Session:
        """Return this thread's session: requests does not promise that threads can share one."""
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = self._sessions.session = _Session()
            session.proxies, session.verify = connection_settings(self._settings.base_url)
            session.trust_env = False  # it was read once, just now
            session.stream = True
            session.auth = self._authenticate
            session.headers.update(
                {
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "User-Agent": self._user_agent,
                },
            )
            for scheme in ("http://", "https://"):
                session.mount(scheme, DeadlineAdapter())
        return session

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set token and app key; requests calls no other `auth`, so no `.netrc` replaces them."""
        request.headers["Authorization"] = f"Bearer {self._settings.access_token}"
        if self._settings.app_key:
            request.headers["X-Traede-App-Key"] = self._settings.app_key
        return request

    def _on_retry(self, details: Details) -> None:
        self.stats.add(retries=1)
        error: Any = details.get("exception")
        _logger.warning(
            "Attempt %d failed (%s). Retrying in %.1f s.",
            details["tries"],
            error.reason,
            details.get("wait", 0.0),
        )


def _read_success(
    response: requests.Response, read: Callable[[requests.Response], T], purpose: Purpose
) -> T:
    if response.status_code // 100 != 2:  # noqa: PLR2004 - a class of statuses
        raise HttpStatusError(response, purpose)
    return read(response)


def iter_body(response: requests.Response, max_bytes: int) -> Iterator[bytes]:
    """Iterate over the chunks of a body, after decompression.

    Raises:
        ResponseTooLargeError: The body is larger than `max_bytes`.
    """
    size = 0
    for chunk in response.iter_content(_CHUNK_SIZE):
        size += len(chunk)
        if size > max_bytes:
            raise ResponseTooLargeError(max_bytes)
        yield chunk


def read_body(response: requests.Response, max_bytes: int) -> bytearray:
    """Read a whole body into one piece of memory; `content` would need it twice.

    It begins with its text: see `remove_preamble`.

    Raises:
        ResponseTooLargeError: The body is larger than `max_bytes`.
    """
    body = bytearray()
    for chunk in iter_body(response, max_bytes):
        body += chunk
    remove_preamble(body)
    return body


def remove_preamble(body: bytearray) -> None:
    """Remove byte order marks and blanks before a body: each PHP file may send some."""
    if preamble := _PREAMBLE.match(body):
        del body[: preamble.end()]


def server_message(body: Mapping[str, Any]) -> str:
    """Return the words of an error: in Laravel's form, of one with `error`, or as RFC 9457 has it.

    Nothing else is read, and that much is shortened: the rest of a body could hold a
    customer's data.
    """
    error = body.get("error")
    if isinstance(error, dict):
        body = {**error, **body}
        error = None
    errors = body.get("errors")
    candidates = (
        body.get("message"),
        error,
        body.get("title"),
        body.get("detail"),
        *_first(errors),
    )
    message = next((each for each in candidates if isinstance(each, str) and each), None)
    words = [message] if message else []
    if isinstance(errors, dict):
        words += [
            f"{name}: {text}"
            for name, texts in errors.items()
            for text in _first(texts)
            if text not in words  # Laravel's message often is the first of its errors
        ]
    return shorten("; ".join(words), MAX_MESSAGE_LENGTH)


def parse_retry_after(headers: Mapping[str, str]) -> float:
    """Parse `Retry-After`: seconds, or a date of the server's own clock.

    Returns:
        Seconds, ten minutes at most; 0 if there is none.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    if (until := times.parse_http_date(value)) is None:
        return 0.0
    now = times.parse_http_date(headers.get("Date")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _is_permanent(error: Exception) -> bool:
    if isinstance(error, HttpStatusError):
        return error.action is not Action.RETRY
    return isinstance(error, ConnectionFailedError) and not error.retry


def _backoff_waits() -> Generator[Any, Any, None]:
    """Yield seconds to wait: growing with jitter, and at least as long as `Retry-After` says."""
    error = yield
    ceiling = INITIAL_WAIT_S
    while True:
        wait = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
        error = yield max(wait, getattr(error, "retry_after", 0.0))
        ceiling = min(ceiling * 2, MAX_WAIT_S)


def _error_body(response: requests.Response) -> dict[str, Any]:
    try:
        body = json.loads(read_body(response, MAX_SMALL_RESPONSE_BYTES))
    except Exception:  # noqa: BLE001 - an error without words, whatever its body holds
        return {}
    return body if isinstance(body, dict) else {}


def _first(texts: object) -> list[str]:
    """Return the first text, if there is one; anything else may be about a customer."""
    first = texts[:1] if isinstance(texts, list) else [texts]
    return [text for text in first if isinstance(text, str)]


def _rejected_indexes(body: Mapping[str, Any]) -> Iterator[int]:
    errors = body.get("errors")
    for name in errors if isinstance(errors, dict) else ():
        if match := _REJECTED_INDEX.match(str(name)):
            yield int(match[1])
