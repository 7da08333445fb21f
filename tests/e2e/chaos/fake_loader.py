"""A small loader that writes durably into SQLite and notes when; it starts fast.

It runs as a program, without anything but the standard library. A STATE that it prints is on
disk before, save in the last of its styles. In which way it prints STATEs is told to it, since
real loaders differ in this:

- `every`: on each STATE it writes all that it has and prints it;
- `stream`: a stream that is full is written alone, and only its bookmark moves on;
- `full`: when one stream is full all are written, and the last STATE is printed;
- `late`: it prints one STATE, an old one, at the very end;
- `silent`: it prints none; only its exit says that all is loaded;
- `hasty`: as `stream`, but what it hears first it takes for written already, as the loaders
  of the PipelineWise family do. That is true where the tap's first STATE is before its records.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from typing import Any

STYLES = ("every", "stream", "full", "late", "silent", "hasty")
_BY_STREAM = {"stream", "hasty"}

_TABLES = """
CREATE TABLE IF NOT EXISTS batches (batch INTEGER PRIMARY KEY, at REAL);
CREATE TABLE IF NOT EXISTS deliveries (stream TEXT, id INTEGER, invoice_id INTEGER, batch INTEGER);
"""


class Loader:
    """Buffers records, one list a stream, and writes them in batches."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Open the database, which other loaders may be writing to."""
        self._options = options
        self._database = sqlite3.connect(options.database, timeout=60, isolation_level=None)
        self._buffers: dict[str, list[tuple[int, int | None]]] = {}
        self._last: dict[str, Any] = {}
        self._flushed: dict[str, Any] = {}
        self._first: dict[str, Any] = {}
        self._batches = 0

    def take(self, line: str) -> None:
        """Take in a message."""
        message = json.loads(line)
        if message["type"] == "RECORD":
            self._record(message["stream"], message["record"])
        elif message["type"] == "STATE":
            self._last = message["value"]
            self._first = self._first or self._last
            if self._options.style == "hasty" and not self._flushed:
                self._flushed = dict(self._last["bookmarks"])
            if self._options.style == "every":
                self._flush_all()
                self._say(self._last)

    def end(self) -> None:
        """Write what is left, and print what this style prints at the end."""
        self._flush_all()
        match self._options.style:
            case "silent":
                pass
            case "late":
                self._say(self._first)
            case "stream" | "hasty":
                self._say(self._of_streams())
            case _:
                self._say(self._last)

    def _record(self, stream: str, record: dict[str, Any]) -> None:
        buffer = self._buffers.setdefault(stream, [])
        buffer.append((record["id"], record.get("invoice_id")))
        if len(buffer) < self._options.batch:
            return
        if self._options.style == "full":
            self._flush_all()
            self._say(self._last)
        else:
            self._flush(stream)
            if self._options.style in _BY_STREAM:
                self._say(self._of_streams())

    def _flush_all(self) -> None:
        for stream in self._buffers:
            self._flush(stream)

    def _flush(self, stream: str) -> None:
        if rows := self._buffers[stream]:
            self._write(stream, rows)
            self._buffers[stream] = []
        if bookmark := self._last.get("bookmarks", {}).get(stream):
            self._flushed[stream] = bookmark

    def _write(self, stream: str, rows: list[tuple[int, int | None]]) -> None:
        """Write a batch; its time is noted only once it is durable."""
        self._database.execute("BEGIN IMMEDIATE")
        batch = self._database.execute("INSERT INTO batches (at) VALUES (NULL)").lastrowid
        self._database.executemany(
            "INSERT INTO deliveries VALUES (?, ?, ?, ?)",
            [(stream, *row, batch) for row in rows],
        )
        time.sleep(self._options.pause)
        self._database.execute("COMMIT")
        at = time.time()
        self._database.execute("UPDATE batches SET at = ? WHERE batch = ?", (at, batch))
        self._batches += 1
        if self._batches == self._options.fail_after:
            os._exit(self._options.fail_code)

    def _of_streams(self) -> dict[str, Any]:
        return {"bookmarks": self._flushed} if self._flushed else {}

    def _say(self, state: dict[str, Any]) -> None:
        if state:
            print(json.dumps(state), flush=True)


def main() -> None:
    """Load standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--style", choices=STYLES, required=True)
    parser.add_argument("--batch", type=int, required=True, help="rows")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds a batch")
    parser.add_argument("--fail-after", type=int, default=0, help="batches, then it exits")
    parser.add_argument("--fail-code", type=int, default=1)
    loader = Loader(parser.parse_args())
    for line in sys.stdin:
        loader.take(line)
    loader.end()


def create(database: str) -> None:
    """Make the tables."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_TABLES)


if __name__ == "__main__":
    main()
