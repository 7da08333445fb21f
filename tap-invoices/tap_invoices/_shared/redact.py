"""No secret and no control character in anything that is logged, whatever handles the log."""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Factory = Callable[..., logging.LogRecord]

_MIN_LENGTH = 4  # anything shorter would hide parts of ordinary words
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HIDDEN = "***"

_secrets: list[str] = []
_formatter = logging.Formatter()


def hide_secrets(values: Iterable[object]) -> None:
    """Hide these values in everything that is logged from now on.

    The record itself is redacted, before any handler, formatter or logging configuration.
    """
    known = {form for value in values if value for form in _spellings(str(value))}
    _secrets[:] = sorted(known.union(_secrets), key=len, reverse=True)
    factory = logging.getLogRecordFactory()
    if getattr(factory, "redacts", None) != __name__:
        logging.setLogRecordFactory(_redacting(factory))


def redact(text: str) -> str:
    """Replace secrets."""
    for secret in _secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def clean(text: str) -> str:
    """Replace secrets, then control characters, which could steer the user's terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", redact(text))


def shorten(text: str, length: int) -> str:
    """Clean text of somebody else's, put it on one line and cut it.

    Secrets are replaced before the cut, so that no part of one remains.
    """
    line = clean(" ".join(redact(text).split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def password_in(url: object) -> str | None:
    """Return the password in a URL, if there is one."""
    try:
        return urlsplit(str(url)).password
    except ValueError:
        return None


def without_password(url: str) -> str:
    """Return a URL with its password hidden, also one that cannot be parsed.

    A user without a password is hidden too: some services take a token there.
    """
    before, at, host = url.rpartition("@")
    if not at:
        return url
    start = before.find("//") + 2 if "//" in before else 0
    user, colon, _ = before[start:].partition(":")
    return f"{before[:start]}{user + colon if colon else ''}{_HIDDEN}@{host}"


def describe_safely(error: BaseException) -> str:
    """Describe an unexpected error without its text, which may hold a customer's data.

    Returns:
        Its type, the types of its causes, and the last lines of code that it passed.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-3:]]
    types = ", caused by ".join(types_of(error))
    return (
        f"Unexpected {types} at {', '.join(places)}. This is a bug; please "
        "report it. Its text is left out, since it may hold a customer's data."
    )


def types_of(error: BaseException | None) -> Iterator[str]:
    """Iterate over the types of an error and of its causes."""
    while error is not None:
        yield type(error).__name__
        error = error.__cause__ or error.__context__


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as text may show it: as it is, escaped by Python or JSON, or in a URL."""
    escaped = repr(secret)[1:-1], json.dumps(secret)[1:-1]
    encoded = secret.encode(errors="replace")
    in_url = quote(encoded), quote(encoded, safe=""), quote_plus(encoded), unquote(secret)
    for form in (secret, secret.strip(), *escaped, *in_url):
        if len(form) >= _MIN_LENGTH:
            yield form


def _redacting(factory: Factory) -> Factory:
    def make(*args: Any, **options: Any) -> logging.LogRecord:  # noqa: ANN401 - logging's own
        record = factory(*args, **options)
        if record.exc_info:
            record.exc_text = clean(_formatter.formatException(record.exc_info))
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = clean(record.exc_text)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - whatever the objects to be formatted raise
            message = f"{record.msg} {record.args}"
            record.msg, record.args = message, None
        if (cleaned := clean(message)) != message:
            record.msg, record.args = cleaned, None
        return record

    make.redacts = __name__  # type: ignore[attr-defined]
    return make
