"""Why a request got no usable response, in words for users, and whether to send it again."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import NameResolutionError

from .errors import CHECK_NETWORK, CHECK_PROXY, ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHECK_AUTHORITY = "Set REQUESTS_CA_BUNDLE to a file with the certificate of its authority"
_CUT_OFF = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)

_FAILURES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted", _CHECK_AUTHORITY),
    (NameResolutionError, "its host name does not resolve", CHECK_NETWORK),
    (requests.exceptions.ProxyError, "the proxy cannot be reached", CHECK_PROXY),
    (ConnectionRefusedError, "connection refused", CHECK_NETWORK),
    (requests.ConnectTimeout, "no connection in time", CHECK_NETWORK),
    ((TimeoutError, requests.Timeout), "no response in time", CHECK_NETWORK),
    (requests.exceptions.SSLError, "TLS failed", CHECK_NETWORK),
    (_CUT_OFF, "the response was cut off", CHECK_NETWORK),
    ((ConnectionError, requests.ConnectionError), "connection lost", CHECK_NETWORK),
)
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}
_PERMANENT = (ssl.SSLCertVerificationError, requests.exceptions.InvalidSchema)
_TUNNEL_REJECTED = re.compile(r"Tunnel connection failed: (\d{3})")


def explain_failure(error: BaseException) -> ConnectionFailedError:
    """Return the error to raise for a request without a usable response.

    It has neither the address nor the query that the text of the given error repeats.

    Args:
        error: What requests, urllib3 or `http.client` raised.
    """
    causes = list(_causes(error))
    for cause in causes:
        if match := _TUNNEL_REJECTED.match(str(cause)):
            retry = not match[1].startswith("4")
            return ConnectionFailedError(
                f"the proxy answered {match[1]}", retry=retry, hint=CHECK_PROXY
            )
    retry = not any(isinstance(cause, _PERMANENT) or _is_not_tls(cause) for cause in causes)
    for types, reason, hint in _FAILURES:
        if any(isinstance(cause, types) for cause in causes):
            return ConnectionFailedError(reason, retry=retry, hint=hint)
    return ConnectionFailedError(
        f"the response cannot be read, {type(error).__name__}", retry=retry
    )


def _is_not_tls(cause: BaseException) -> bool:
    """Whether something without TLS answers, such as a server for plain HTTP."""
    return isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an error and what caused it; urllib3 hands causes on as arguments too."""
    for _ in range(10):
        if not isinstance(error, BaseException):
            return
        yield error
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
