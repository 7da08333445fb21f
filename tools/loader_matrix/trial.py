"""Trying one loader: what it loads, what it says of that, and what it does when it is killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.run import write_json
from loader_matrix.candidates import Place
from loader_matrix.comparison import differing, extra_of
from loader_matrix.feeds import FLATTENING, INVOICES, LINES
from loader_matrix.process import Ended, LoaderProcess
from target_invoices_ack.relay.confirmation import ConfirmationTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loader_matrix.candidates import Candidate
    from loader_matrix.feeds import Feed, Feeds
    from loader_matrix.servers import Servers

_OLD, _NEW = '"currency":"', '"currency":"new '  # what differs when an invoice comes again


@dataclass
class Outcome:
    """What became of a feed.

    Attributes:
        exit_code: The loader's exit code; None where it did not end.
        rows: For each stream, how many rows were sent and how many of them are there; nothing
            where the loader failed.
        differing: What is not in the store as the API sent it, as `stream.path.of.field`.
        extra: What `_extra` became: `object`, `JSON text`, `other text`, or nothing.
    """

    exit_code: int | None = None
    rows: dict[str, list[int]] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    extra: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every row is there."""
        return all(sent == found for sent, found in self.rows.values())

    @property
    def is_exact(self) -> bool:
        """Whether everything is there as it was sent, and the loader says so."""
        return self.exit_code == 0 and self.is_complete and not self.differing


@dataclass
class Speed:
    """What was measured with a setting.

    Attributes:
        settings: The settings that differ from the loader's defaults; none for the defaults.
        rows_per_s: Rows for each second of CPU time of the loader and its store, without its
            start; None where it had not ended in time.
        invalid: What became of a value that the SCHEMA forbids.
    """

    settings: dict[str, Any]
    rows_per_s: int | None
    invalid: Outcome


@dataclass
class Result:
    """What became of a trial; what only a loader that works can show is empty before.

    Attributes:
        title: The loader.
        command: Its command.
        into: What it writes to.
        packages: What was installed for it, and so the pins that it needs.
        version: The version that was tried.
        tap_settings: The tap's settings that it needs, with which all that follows was seen.
        without: What became of the feeds `plain` and `late` without these settings.
        outcomes: What became of each feed, by its name in `Feeds`.
        nul_settings: Settings of the loader with which `nul_helped` among them was seen.
        states: How many STATEs it printed before its input ended, and after.
        last_state: `the last`, `an older one` or `none`.
        lost_after_state: Invoices that a STATE confirmed and that were not there, lines and
            all, when it was killed right after; None where no STATE confirmed any.
        rerun: What becomes of an invoice that comes again, changed: `updates`, `keeps the
            old row`, `appends` or `replaces` (what came before is gone).
        nothing_new: What becomes of the rows in a run with nothing new: `keeps` or `loses`.
        after_kill: What became of the large feed in the run after one that was killed while
            it loaded.
        start_s: CPU seconds of a run with nothing new.
        speeds: Rows per second, with its defaults first.
    """

    title: str
    command: str
    into: str
    packages: list[str]
    version: str = ""
    tap_settings: dict[str, Any] = field(default_factory=dict)
    without: dict[str, Outcome] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    nul_settings: dict[str, Any] = field(default_factory=dict)
    states: list[int] = field(default_factory=list)
    last_state: str = ""
    lost_after_state: int | None = None
    rerun: str = ""
    nothing_new: str = ""
    after_kill: Outcome = field(default_factory=Outcome)
    start_s: float | None = None
    speeds: list[Speed] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as it is recorded."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Result:
        """Return what was recorded."""
        speeds = [
            Speed(**each | {"invalid": Outcome(**each["invalid"])}) for each in record["speeds"]
        ]
        parts = {
            name: {key: Outcome(**each) for key, each in record[name].items()}
            for name in ("without", "outcomes")
        }
        after_kill = Outcome(**record["after_kill"])
        return cls(**{**record, **parts, "speeds": speeds, "after_kill": after_kill})


class Trial:
    """One loader, tried in places of its own.

    Args:
        candidate: The loader; it is installed if it is not yet.
        folder: An empty folder.
        servers: The servers that it may write to.
        feeds: What it is fed.
        flattened: The same with the tap's flattening, for a loader that needs it.

    Raises:
        RuntimeError: It cannot be installed.
    """

    def __init__(
        self,
        candidate: Candidate,
        folder: Path,
        servers: Servers,
        feeds: Feeds,
        flattened: Feeds,
    ) -> None:
        self._candidate = candidate
        self._servers = servers
        self._folder = folder
        self._feeds = feeds
        self._flattened = flattened
        self._program = candidate.program.path()
        self._plain_run: tuple[Place, str, Ended]

    def run(self, *, measured: bool = True) -> Result:
        """Try it.

        Args:
            measured: Whether its speed is measured too.
        """
        candidate = self._candidate
        packages = list(candidate.program.packages)
        result = Result(candidate.title, candidate.program.name, candidate.into, packages)
        result.version = self._version()
        self._load_with_or_without_flattening(result)
        if result.outcomes["plain"].exit_code == 0:
            result.outcomes |= self._try("", self._feeds, "texts", "digits", "nul", "surrogate")
            self._help_with_nul(result)
            result.rerun = self._rerun()
            result.nothing_new = self._load_nothing_new()
            result.lost_after_state = self._lost_after_state()
            result.after_kill = self._load_after_kill()
            if measured:
                self._measure(result)
        return result

    def _load_with_or_without_flattening(self, result: Result) -> None:
        result.without = self._try("", self._feeds, "plain", "late")
        result.outcomes = dict(result.without)
        if not all(each.is_exact for each in result.without.values()):
            plain_run = self._plain_run
            flattened = self._try("flat_", self._flattened, "plain", "late")
            if _merit(flattened) > _merit(result.without):
                result.tap_settings = FLATTENING
                result.outcomes = flattened
                self._feeds = self._flattened
            else:
                self._plain_run = plain_run
        self._note_states(result)

    def _help_with_nul(self, result: Result) -> None:
        if settings := self._candidate.for_nul:
            result.nul_settings = settings
            helped = self._load_into_new_place("nul_helped", self._feeds.nul, settings)
            result.outcomes["nul_helped"] = helped

    def _try(self, prefix: str, feeds: Feeds, *names: str) -> dict[str, Outcome]:
        return {
            name: self._load_into_new_place(prefix + name, getattr(feeds, name)) for name in names
        }

    def _version(self) -> str:
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        command = [str(self._python), "-c", code, self._candidate.package]
        done = subprocess.run(command, capture_output=True, check=True)
        return done.stdout.decode().strip()

    @property
    def _python(self) -> Path:
        return self._program.parent / "python"

    def _place(self, name: str) -> Place:
        folder = self._folder / name
        folder.mkdir(parents=True)
        unique = re.sub(r"\W", "_", f"t{self._folder.name}_{name}")
        return Place(unique, folder, self._servers, self._python)

    def _config(self, place: Place, settings: Mapping[str, Any] | None = None) -> str:
        more = self._candidate.small_batches if settings is None else settings
        return write_json(
            place.folder.parent, place.name, {**self._candidate.config(place), **more}
        )

    def _start(self, place: Place, config: str, log: Path | None = None) -> LoaderProcess:
        command = [str(self._program), "--config", config]
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        environment = self._candidate.environment(place)
        return LoaderProcess(command, place.folder, environment, log or logs / place.name)

    def _load(
        self, place: Place, config: str, lines: list[bytes], log: Path | None = None
    ) -> Ended:
        with self._start(place, config, log) as loader:
            loader.feed(lines)
            return loader.end()

    def _note_states(self, result: Result) -> None:
        _, _, ended = self._plain_run
        result.states = [ended.early, len(ended.states) - ended.early]
        last = json.loads(ended.states[-1]) if ended.states else None
        is_last = last == self._feeds.plain.states[-1]
        result.last_state = "none" if last is None else "the last" if is_last else "an older one"

    def _rerun(self) -> str:
        """Load the last page once more, changed, into what is there already."""
        place, config, _ = self._plain_run
        before = len(self._read(place, INVOICES))
        self._load(place, config, self._feeds.plain.last_page(_OLD, _NEW))
        rows = self._read(place, INVOICES)
        if len(rows) != before:
            return "appends" if len(rows) > before else "replaces"
        changed = [row for row in rows if str(row.get("currency", "")).startswith("new ")]
        return "updates" if changed else "keeps the old row"

    def _load_nothing_new(self) -> str:
        place, config, _ = self._plain_run
        before = len(self._read(place, INVOICES))
        self._load(place, config, self._feeds.plain.without_records())
        return "keeps" if len(self._read(place, INVOICES)) == before else "loses"

    def _load_into_new_place(
        self, name: str, feed: Feed, settings: Mapping[str, Any] | None = None
    ) -> Outcome:
        place = self._place(name)
        config = self._config(place, settings)
        is_plain = feed is self._feeds.plain or feed is self._flattened.plain
        with self._start(place, config) as loader:
            loader.feed(feed.lines)
            if is_plain:
                loader.let_work()  # what it prints before its input ends is of interest
            ended = loader.end()
        if is_plain:
            self._plain_run = place, config, ended
        return self._outcome(place, feed, ended.exit_code)

    def _outcome(self, place: Place, feed: Feed, exit_code: int | None) -> Outcome:
        outcome = Outcome(exit_code)
        if exit_code != 0:  # what is there then is up to chance, and marked by nobody
            return outcome
        differ: set[str] = set()
        for stream, records in feed.records.items():
            rows = {int(row["id"]): row for row in self._read(place, stream)}
            outcome.rows[stream] = [len(records), len(rows.keys() & records.keys())]
            for number in records.keys() & rows.keys():
                differ |= {f"{stream}.{name}" for name in differing(records[number], rows[number])}
            forms = filter(None, map(_form_of_extra, rows.values()))
            outcome.extra = outcome.extra or next(forms, "")
        outcome.differing = sorted(differ)
        return outcome

    def _read(self, place: Place, stream: str) -> list[dict[str, Any]]:
        try:
            return self._candidate.read(place, stream)
        except ValueError as error:
            print(f"{place.name}: {error}", file=sys.stderr)
            return []

    def _lost_after_state(self) -> int | None:
        """Kill it right after its first STATE that confirms anything; count what is not there."""
        place = self._place("killed_after_state")
        tracker = self._tracker()

        def confirms(state: bytes) -> list[int]:
            confirmed = tracker.on_loader_state(state)
            return list(confirmed.ids) if confirmed else []

        with self._start(place, self._config(place)) as loader:
            loader.feed(self._feeds.plain.lines)
            confirmed = loader.kill_at_first(confirms)
        if not confirmed:
            return None
        invoices, lines = (
            {int(row["id"]) for row in self._read(place, s)} for s in (INVOICES, LINES)
        )
        line_ids = self._feeds.plain.line_ids
        return sum(each not in invoices or not line_ids[each] <= lines for each in confirmed)

    def _tracker(self) -> ConfirmationTracker:
        """Return what the target would know once all was sent."""
        tracker = ConfirmationTracker(INVOICES)
        for message in map(json.loads, self._feeds.plain.lines):
            match message:
                case {"type": "SCHEMA", "stream": stream}:
                    tracker.on_schema(stream)
                case {"type": "RECORD", "stream": "invoices", "record": record}:
                    tracker.on_invoice(record["id"])
                case {"type": "RECORD", "record": record}:
                    tracker.on_other_record(record["invoice_id"])
                case {"type": "STATE", "value": value}:
                    tracker.on_tap_state(json.dumps(value).encode(), value)
        return tracker

    def _load_after_kill(self) -> Outcome:
        """Kill it while it loads; what it did not confirm comes again as a whole."""
        place = self._place("killed")
        with self._start(place, self._config(place)) as loader:
            loader.feed(self._feeds.large.first_part())  # a pipe's worth is not taken in yet
        config = self._config(place, {})  # small batches would take long
        ended = self._load(place, config, self._feeds.large.lines)
        return self._outcome(place, self._feeds.large, ended.exit_code)

    def _measure(self, result: Result) -> None:
        _, start = self._time("start", {}, self._feeds.large.without_records())
        result.start_s = round(start, 2)
        for number, settings in enumerate(({}, *self._candidate.faster)):
            has_ended, cpu_s = self._time(f"measured_{number}", settings, self._feeds.large.lines)
            rate = round(self._feeds.large.row_count / (cpu_s - start)) if has_ended else None
            invalid = self._load_into_new_place(f"invalid_{number}", self._feeds.invalid, settings)
            result.speeds.append(Speed(dict(settings), rate, invalid))

    def _time(
        self, name: str, settings: Mapping[str, Any], lines: list[bytes]
    ) -> tuple[bool, float]:
        """Return whether it ended with 0, and the CPU seconds that it took."""
        place = self._place(name)
        ended = self._load(place, self._config(place, settings), lines, log=Path(os.devnull))
        return ended.exit_code == 0, ended.cpu_s


def _merit(outcomes: Mapping[str, Outcome]) -> tuple[int, int]:
    """Return what is greater where more feeds are stored, and more of them exactly."""
    stored = [each for each in outcomes.values() if each.exit_code == 0 and each.is_complete]
    return len(stored), -sum(len(each.differing) for each in outcomes.values())


def _form_of_extra(row: dict[str, Any]) -> str:
    extra = extra_of(row)
    if extra in (None, "", {}):
        raw = next((v for k, v in row.items() if k.strip("_").lower() == "extra"), None)
        return "other text" if isinstance(raw, str) and "{" in raw and extra is None else ""
    raw = next(v for k, v in row.items() if k.strip("_").lower() == "extra")
    return "JSON text" if isinstance(raw, str) else "object"
