"""No secret in any line that is logged, at any level."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST = 4  # anything shorter would blank out ordinary words


class RedactingFormatter(logging.Formatter):
    """A formatter that hides secrets in what another one wrote, tracebacks included."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        """Wrap a formatter."""
        super().__init__()
        self._inner = inner
        self._secrets = sorted(set(secrets), key=len, reverse=True)

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = self._inner.format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def hide(secrets: Iterable[object]) -> None:
    """Hide these values in everything that the log's handlers write from now on."""
    known = {form for secret in secrets if secret for form in _forms(str(secret))}
    if not known:
        return
    for handler in logging.getLogger().handlers:
        handler.setFormatter(
            RedactingFormatter(handler.formatter or logging.Formatter(), known),
        )


def password_in(url: object) -> str | None:
    """Return the password that somebody wrote into a URL."""
    try:
        return urlsplit(str(url)).password
    except ValueError:
        return None


def told_safely(error: BaseException) -> str:
    """Tell where an unexpected error happened, without its text, which may hold an invoice's data.

    Returns:
        Its kind, that of what caused it, and the lines of code that it passed.
    """
    kinds = [type(error).__name__]
    frames = traceback.format_tb(error.__traceback__)
    while (cause := error.__cause__ or error.__context__) is not None:
        kinds.append(type(cause).__name__)
        error = cause
    return (
        f"Unexpected {', caused by '.join(kinds)}. What it says is left out, since it may hold "
        f"an invoice's data; please report where it happened:\n{''.join(frames)}"
    )


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as messages may show it: as it is, and escaped by Python or JSON."""
    for form in (secret, secret.strip(), repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        if len(form) >= _SHORTEST:
            yield form
