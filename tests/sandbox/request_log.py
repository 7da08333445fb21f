"""What the service was asked and told, in order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One request.

    Attributes:
        seq: Its number, from 1.
        time: When it came, by the service's clock, in seconds of the epoch.
        method: Its method.
        path: Its path.
        query: Its query, pair by pair.
        headers: Its headers.
        body: Its body as text, if it had one.
        status: The answer's status; None where the connection was closed instead.
        count: How many invoices were listed or marked.
        faults: The kinds of the faults that struck it.
    """

    seq: int
    time: float
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: str | None = None
    status: int | None = None
    count: int | None = None
    faults: list[str] = field(default_factory=list)


@dataclass
class Log:
    """All requests since the start, or since it was cleared."""

    entries: list[Entry] = field(default_factory=list)
    _last: int = 0

    def next_seq(self) -> int:
        """Return the next request's number; it goes on where the log is cleared."""
        self._last += 1
        return self._last

    def add(self, entry: Entry) -> None:
        """Append a request."""
        self.entries.append(entry)

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the requests after a number."""
        return [asdict(entry) for entry in self.entries if entry.seq > seq]
