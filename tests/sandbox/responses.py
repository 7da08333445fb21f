"""The responses that the service can give, before they are sent."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from sandbox.codec import encode
from sandbox.errors import missing_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.faults import Fault
    from sandbox.store import Store

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_IN_ONE = 1000  # the body of so many invoices is written before anything else changes
_MEGABYTE = b" " * (1 << 20)
_FATAL_ERROR = (
    "<br />\n<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted (tried to "
    "allocate 20480 bytes) in <b>/var/www/app/vendor/laravel/framework/src/Illuminate/Database/"
    "Connection.php</b> on line <b>412</b><br />\n"
)
_MESSAGES = {  # of a status that a fault gives no body for
    401: "Unauthenticated.",
    402: "Payment Required",
    403: "This action is unauthorized.",
    407: "Proxy Authentication Required",
    410: "Gone",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "The given data was invalid.",
    429: "Too Many Attempts.",
}


@dataclass
class ApiResponse:
    """A response.

    Attributes:
        pieces: Its body, piece by piece.
        status: Its status.
        headers: Its headers besides those that frame it.
        in_one: Whether it is sent with its length, rather than in chunks.
    """

    pieces: Iterable[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(_JSON))
    in_one: bool = True

    @classmethod
    def of(cls, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> ApiResponse:
        """Create a response of JSON; a text is sent as it is."""
        text = body.encode() if isinstance(body, str) else encode(body)
        return cls([text], status, _JSON | (headers or {}))

    @classmethod
    def of_invoices(cls, count: int, pieces: Iterator[bytes]) -> ApiResponse:
        """Create a response of so many invoices."""
        if count <= _IN_ONE:
            return cls([b"".join(pieces)])
        return cls(pieces, in_one=False)

    def gzipped(self) -> ApiResponse:
        """Return it compressed."""
        headers = self.headers | {"Content-Encoding": "gzip"}
        return replace(self, pieces=_gzip(self.pieces), headers=headers)

    def with_byte_order_mark(self) -> ApiResponse:
        """Return it with a byte order mark before its body."""
        return replace(self, pieces=chain([b"\xef\xbb\xbf"], self.pieces))


def fatal_error(*, display_errors: bool) -> ApiResponse:
    """Return what becomes of a listing that needs too much memory."""
    if display_errors:
        return ApiResponse.of(_FATAL_ERROR, 200, _HTML)
    return ApiResponse.of({"message": "Server Error"}, 500)


def url_too_long() -> ApiResponse:
    """Return what nginx answers to a URL that is longer than its buffer."""
    title = "414 Request-URI Too Large"
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
    return ApiResponse.of(f"{body}</center>\r\n<hr><center>nginx</center>\r\n", 414, _HTML)


def retry_after(status: int, message: str, seconds: float) -> ApiResponse:
    """Return a response that says when to try again."""
    return ApiResponse.of({"message": message}, status, {"Retry-After": f"{seconds:g}"})


def of_fault(fault: Fault, store: Store, path: str) -> ApiResponse | None:
    """Return the response that a fault puts in place of the service's own, if it does.

    Args:
        fault: The fault.
        store: What the service holds.
        path: The path of the request.
    """
    match fault.kind:
        case "missing_route":
            laravel = store.behaviour.laravel
            return ApiResponse.of(missing_route(path, laravel).body(laravel), 404)
        case "endless":
            return _endless(store)
    make = _RESPONSES.get(fault.kind)
    return make(fault.detail) if make else None


def _status(detail: dict[str, Any]) -> ApiResponse:
    status = detail.get("status", 200)
    body = detail.get("body", {"message": _MESSAGES.get(status, "Server Error")})
    return ApiResponse.of(body, status, detail.get("headers"))


def _odd_error(detail: dict[str, Any]) -> ApiResponse:
    size = detail["size"]
    message = {
        "huge": '"' + "x" * size + '"',
        "nested": "[" * size + "]" * size,
        "digits": "9" * size,
    }[detail["form"]]
    return ApiResponse.of(f'{{"message": {message}}}', detail.get("status", 500))


def _gzip_bomb(detail: dict[str, Any]) -> ApiResponse:
    padding = repeat(_MEGABYTE, detail.get("megabytes", 1000))
    pieces = chain([b'{"invoices":['], padding, [b"]}"])
    return ApiResponse(pieces, in_one=False).gzipped()


_RESPONSES: dict[str, Callable[[dict[str, Any]], ApiResponse]] = {
    "status": _status,
    "body": _status,
    "html": lambda detail: ApiResponse.of(detail.get("body", _FATAL_ERROR), 200, _HTML),
    "not_success": lambda _: ApiResponse.of({"success": False}),
    "throttle": lambda detail: retry_after(429, _MESSAGES[429], detail.get("seconds", 1)),
    "maintenance": lambda detail: retry_after(503, "Service Unavailable", detail.get("seconds", 1)),
    "odd_error": _odd_error,
    "gzip_bomb": _gzip_bomb,
}


def _endless(store: Store) -> ApiResponse:
    some = b"".join(store.invoice_json(row) + b"," for row in list(store.booked)[:100])
    return ApiResponse(chain([b'{"invoices":['], repeat(some or b"{},")), in_one=False)


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()
