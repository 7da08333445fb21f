"""Trying one loader: what it loads, when it prints STATE, and what such a STATE is worth."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from helpers.run import write_json
from loader_matrix.comparison import differing
from loader_matrix.matrix import Place
from target_invoices_ack.relay.confirmation import ConfirmationTracker

if TYPE_CHECKING:
    from pathlib import Path

    from demo.postgres import Postgres
    from loader_matrix.matrix import Candidate

_WAIT = 60.0  # seconds until a loader has to have ended
_QUIET = 3.0  # seconds without a STATE after which its input is ended
INVOICES = "invoices"
LINES = "invoice_lines"


@dataclass(frozen=True)
class Sent:
    """What a tap sent, and what the API holds.

    Attributes:
        lines: The tap's messages, each with its newline.
        texts: Its messages where a stream map has left nothing but texts.
        invoices: The API's invoices, with their lines.
    """

    lines: list[bytes]
    texts: list[bytes]
    invoices: list[dict[str, Any]]

    @property
    def records(self) -> dict[str, dict[int, dict[str, Any]]]:
        """The API's records of both streams, by id."""
        invoices = [{k: v for k, v in each.items() if k != "lines"} for each in self.invoices]
        lines = [line for each in self.invoices for line in each["lines"]]
        return {
            INVOICES: {each["id"]: each for each in invoices},
            LINES: {each["id"]: each for each in lines},
        }

    @property
    def states(self) -> list[dict[str, Any]]:
        """The STATEs that it sent."""
        messages = map(json.loads, self.lines)
        return [each["value"] for each in messages if each["type"] == "STATE"]

    @property
    def last_page(self) -> list[bytes]:
        """The schemas, and what came after the last STATE but one."""
        kinds = [json.loads(line)["type"] for line in self.lines]
        ends = [number for number, kind in enumerate(kinds) if kind == "STATE"]
        schemas = [line for line, kind in zip(self.lines, kinds, strict=True) if kind == "SCHEMA"]
        records = [each for each in ends if "RECORD" in kinds[each:]]
        return [*schemas, *self.lines[records[-1] + 1 :]]


@dataclass
class Result:
    """What became of a trial; what can be seen only with a loader that works is empty before.

    Attributes:
        title: The loader.
        into: What it writes to.
        packages: What was asked for, and so the pins that it needs.
        version: The version that was tried.
        exit_code: Its exit code when its input ended.
        rows: For each stream, and for invoices with nothing but texts, how many rows were sent
            and how many are there.
        fields: Fields that differ from what the API holds, as `stream.field`.
        states: How many STATEs it printed before its input ended, and after.
        last_state: `the last`, `an older one` or `none`.
        lost_after_kill: Invoices that a STATE confirmed and that were not there, lines and
            all, when it was killed right after; None where it printed no STATE that confirms.
        second_run: What it does with rows of which some came in a run before: `updates`,
            `appends` or `replaces` (what came before is gone).
    """

    title: str
    into: str
    packages: list[str]
    version: str = ""
    exit_code: int | None = None
    rows: dict[str, list[int]] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    last_state: str = ""
    lost_after_kill: int | None = None
    second_run: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is recorded."""
        return asdict(self)


class Trial:
    """One loader, tried in folders of its own."""

    def __init__(self, candidate: Candidate, folder: Path, server: Postgres, sent: Sent) -> None:
        """Install it.

        Raises:
            RuntimeError: It cannot be installed.
        """
        self._candidate = candidate
        self._server = server
        self._folder = folder
        self._sent = sent
        self._program = candidate.program.path()

    def result(self) -> Result:
        """Try it."""
        candidate = self._candidate
        result = Result(candidate.title, candidate.into, list(candidate.program.packages))
        result.version = self._version()
        place = self._place("whole")
        result.exit_code, result.states, last = self._whole(place)
        result.last_state = self._kind_of(last)
        if result.exit_code == 0:
            self._compare(place, result)
            result.second_run = self._second_run(place)
            result.rows["invoices of texts"] = self._texts()
            result.lost_after_kill = self._killed(self._place("killed"))
        return result

    def _place(self, name: str) -> Place:
        folder = self._folder / name
        folder.mkdir(parents=True)
        with self._server.connect() as connection:
            connection.execute("DROP SCHEMA IF EXISTS wh CASCADE")
        return Place(folder, self._server, self._program.parent / "python")

    def _version(self) -> str:
        package = self._candidate.title.split(",")[0]
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        python = self._program.parent / "python"
        done = subprocess.run([python, "-c", code, package], capture_output=True, check=True)
        return done.stdout.decode().strip()

    def _start(self, place: Place) -> Running:
        config = write_json(self._folder, "config", self._candidate.config(place))
        return Running([str(self._program), "--config", config], place.folder)

    def _texts(self) -> list[int]:
        place = self._place("texts")
        self._whole(place, self._sent.texts)
        return [len(self._sent.invoices), len(self._candidate.read(place, INVOICES))]

    def _second_run(self, place: Place) -> str:
        """Load the last page once more, into what is there already."""
        before = len(self._candidate.read(place, INVOICES))
        again = self._sent.last_page
        self._whole(place, again)
        after = len(self._candidate.read(place, INVOICES))
        if after > before:
            return "appends"
        return "updates" if after == before else "replaces"

    def _whole(
        self, place: Place, lines: list[bytes] | None = None
    ) -> tuple[int, list[int], bytes]:
        with self._start(place) as running:
            running.feed(lines or self._sent.lines)
            time.sleep(_QUIET)
            early = len(running.states)
            code = running.end()
        last = running.states[-1] if running.states else b""
        return code, [early, len(running.states) - early], last

    def _kind_of(self, last: bytes) -> str:
        if not last:
            return "none"
        return "the last" if json.loads(last) == self._sent.states[-1] else "an older one"

    def _compare(self, place: Place, result: Result) -> None:
        for stream, records in self._sent.records.items():
            rows = {int(row["id"]): row for row in self._candidate.read(place, stream)}
            result.rows[stream] = [len(records), len(rows)]
            differ = {
                name
                for number, record in records.items()
                if number in rows
                for name in differing(record, rows[number])
            }
            result.fields += [f"{stream}.{name}" for name in sorted(differ)]

    def _killed(self, place: Place) -> int | None:
        """Kill it right after its first STATE that confirms anything; count what is not there."""
        tracker = self._tracker()
        with self._start(place) as running:
            running.feed(self._sent.lines)
            confirmed = running.first_confirmed(tracker)
        if not confirmed:
            return None
        there = {
            stream: {int(row["id"]) for row in self._candidate.read(place, stream)}
            for stream in (INVOICES, LINES)
        }
        lines = {each["id"]: {line["id"] for line in each["lines"]} for each in self._sent.invoices}
        return sum(
            number not in there[INVOICES] or not lines[number] <= there[LINES]
            for number in confirmed
        )

    def _tracker(self) -> ConfirmationTracker:
        """Return what the target would know once all was sent."""
        tracker = ConfirmationTracker(INVOICES)
        for message in map(json.loads, self._sent.lines):
            if message["type"] == "SCHEMA":
                tracker.on_schema(message["stream"])
            elif message["type"] == "RECORD" and message["stream"] == INVOICES:
                tracker.on_invoice(message["record"]["id"])
            elif message["type"] == "RECORD":
                tracker.on_other_record(message["record"]["invoice_id"])
            elif message["type"] == "STATE":
                tracker.on_tap_state(json.dumps(message["value"]).encode(), message["value"])
        return tracker


class Running:
    """A loader that runs; a context manager that kills it.

    Attributes:
        states: The lines that it has printed.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        """Start it in a folder, and listen."""
        self.states: list[bytes] = []
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._listener.join()

    def feed(self, lines: list[bytes]) -> None:
        """Write lines to it; it may be gone."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"".join(lines))

    def end(self) -> int:
        """End its input and return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(_WAIT)
        self._listener.join()
        return code

    def first_confirmed(self, tracker: ConfirmationTracker) -> list[int]:
        """Return what the first STATE confirms that confirms anything; its input ends if need be.

        It is killed at once.
        """
        heard = 0
        for ends in (False, True):
            if ends and self._process.stdin is not None:
                self._process.stdin.close()
            deadline = time.monotonic() + (_WAIT if ends else _QUIET)
            while time.monotonic() < deadline and (self._listener.is_alive() or not ends):
                with self._heard:
                    self._heard.wait_for(lambda: len(self.states) > heard, timeout=0.1)  # noqa: B023 - used at once
                for state in self.states[heard:]:
                    heard += 1
                    if (confirmed := tracker.on_loader_state(state)) and confirmed.ids:
                        self._process.kill()
                        return list(confirmed.ids)
        return []

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip():
                with self._heard:
                    self.states.append(line)
                    self._heard.notify()
