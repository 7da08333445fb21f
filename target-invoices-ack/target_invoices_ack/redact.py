"""No secret in any line that is logged, at any level."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    forms = [form for each in secrets for form in (str(each), str(each).strip()) if each]
    known = [form for form in forms if len(form) >= _SHORTEST]
    if not known:
        return
    for handler in logging.getLogger().handlers:
        handler.setFormatter(
            RedactingFormatter(handler.formatter or logging.Formatter(), known),
        )
