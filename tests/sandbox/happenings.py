"""What went wrong at the API and what came again, read from its log of requests."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.request_log import Entry, Log

_MOST_LINES = 40
_HUNG_UP = ("close", "lost_answer", "cut")  # faults that a client sees as a broken connection


@dataclass
class Line:
    """Something that is worth telling, and how often it happened in a row.

    Attributes:
        what: What: `marked`, `remarked`, `booked`, a fault's kind, or a status such as `500`.
        on: `listing` or `mark` for what happened to a request.
        count: How many invoices, or times.
        at: When last, by the service's clock, in seconds of the epoch.
        system_id: For which system, where that is known.
    """

    what: str
    on: str
    count: int
    at: float
    system_id: str | None = None


class Feed:
    """The latest lines; what goes on is counted in its line."""

    def __init__(self) -> None:
        """Start empty."""
        self._lines: deque[Line] = deque(maxlen=_MOST_LINES)

    def tell(self, line: Line) -> None:
        """Add a line, or add it to the last one."""
        last = self._lines[-1] if self._lines else None
        if last and (last.what, last.on, last.system_id) == (line.what, line.on, line.system_id):
            last.count += line.count
            last.at = line.at
        else:
            self._lines.append(line)

    def shown(self, system_id: str, most: int) -> list[dict[str, Any]]:
        """Return the latest lines that concern a system, latest first."""
        lines = [each for each in reversed(self._lines) if each.system_id in {None, system_id}]
        return [asdict(each) for each in lines[:most]]


class Happenings:
    """The requests, counted.

    Attributes:
        failed: How many failed, by fault or status.
        retried: How many repeated one that had failed.
        recovered: How many of those then went well.
        feed: What is told of them.
    """

    def __init__(self, log: Log) -> None:
        """Read this log."""
        self._log = log
        self._read = 0
        self._unanswered: list[Entry] = []
        self._failed: set[tuple[object, ...]] = set()
        self.failed: Counter[str] = Counter()
        self.retried = 0
        self.recovered = 0
        self.feed = Feed()

    def follow(self) -> None:
        """Read on."""
        entries = self._log.entries
        new = entries[bisect_right(entries, self._read, key=lambda entry: entry.seq) :]
        waiting, self._unanswered = [*self._unanswered, *new], []
        for entry in waiting:
            if entry.status is None and not set(_HUNG_UP).intersection(entry.faults):
                self._unanswered.append(entry)
            else:
                self._judge(entry)
        if new:
            self._read = new[-1].seq

    def _judge(self, entry: Entry) -> None:
        trouble = _trouble(entry)
        if trouble is None and not self._failed:
            return
        request = (entry.method, entry.path, tuple(entry.query), entry.body)
        again = request in self._failed
        self.retried += again
        if trouble:
            self.failed[trouble] += 1
            self._failed.add(request)
            self.feed.tell(Line(trouble, _on(entry), 1, entry.time))
        elif again:
            self.recovered += 1
            self._failed.discard(request)
            self.feed.tell(Line("recovered", _on(entry), 1, entry.time))


def _trouble(entry: Entry) -> str | None:
    """Return what went wrong with a request, if something did."""
    for kind in _HUNG_UP:
        if kind in entry.faults:
            return kind
    if entry.status is not None and entry.status >= 400:
        return str(entry.status)
    return "body" if "body" in entry.faults else None


def _on(entry: Entry) -> str:
    return "listing" if entry.path.endswith("/export") else "mark"
