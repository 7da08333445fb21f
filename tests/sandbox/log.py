"""What the service was asked, in order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One request."""

    seq: int
    time: float
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any = None
    status: int | None = None
    count: int | None = None


@dataclass
class Log:
    """All requests since the start, or since it was cleared."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Append a request."""
        self.entries.append(entry)

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the requests after a number."""
        return [asdict(entry) for entry in self.entries if entry.seq > seq]
