"""The requests to the two endpoints and their responses, in order."""

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
        query: Its query, as pairs.
        headers: Its headers.
        body: Its body as text, if it had one.
        status: The response's status; None where the connection is closed instead.
        count: How many invoices were listed or marked.
        faults: The kinds of the faults that struck it.
        is_done: Whether the response is decided; a request that waits is not done.
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
    is_done: bool = False


@dataclass
class Log:
    """All requests since the start, or since it was cleared."""

    entries: list[Entry] = field(default_factory=list)
    _last: int = 0

    def next_seq(self) -> int:
        """Return the next request's number; clearing the log does not reset it."""
        self._last += 1
        return self._last

    def add(self, entry: Entry) -> None:
        """Append a request."""
        self.entries.append(entry)

    def read(self, after: int = 0, last: int | None = None) -> list[dict[str, Any]]:
        """Return the requests after a number, or only the last of them."""
        found = [entry for entry in self.entries if entry.seq > after]
        return [asdict(entry) for entry in (found if last is None else found[-last:])]
