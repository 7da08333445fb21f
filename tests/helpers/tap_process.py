"""The tap as a user runs it: a process with files for config, catalog and state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BIN = Path(sys.executable).parent
_TIMEOUT = 120  # seconds; far more than any of the runs takes


def environment(**variables: str) -> dict[str, str]:
    """Return an environment in which nothing that the tests' own holds reaches the tap."""
    theirs = ("TAP_", "TARGET_", "LOGLEVEL")
    return {k: v for k, v in os.environ.items() if not k.startswith(theirs)} | variables


@dataclass(frozen=True)
class Ran:
    """What a run of the tap came to.

    Attributes:
        code: Its exit code.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    code: int
    out: str
    err: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return its messages of a type, in order."""
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str = "invoices") -> list[dict[str, Any]]:
        """Return the records of a stream."""
        return [each["record"] for each in self.of_type("RECORD") if each["stream"] == stream]

    def ids(self, stream: str = "invoices") -> list[int]:
        """Return the ids of a stream's records."""
        return [record["id"] for record in self.records(stream)]

    def states(self) -> list[dict[str, Any]]:
        """Return the values of its STATE messages."""
        return [message["value"] for message in self.of_type("STATE")]

    @property
    def state(self) -> dict[str, Any]:
        """Its last STATE: what the next run is given."""
        return self.states()[-1]

    @property
    def bookmark(self) -> dict[str, Any]:
        """The bookmark of `invoices` in its last STATE."""
        found: dict[str, Any] = self.state["bookmarks"]["invoices"]
        return found


def command(
    folder: Path,
    config: Mapping[str, Any] | None,
    *words: str,
    catalog: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write the files of a run and return its command."""
    command = [str(_BIN / "tap-invoices"), *words]
    for name, content in (("config", config), ("catalog", catalog), ("state", state)):
        if content is not None:
            path = folder / f"{name}.json"
            path.write_text(json.dumps(content))
            command += [f"--{name}", str(path)]
    return command


def run_tap(
    folder: Path,
    config: Mapping[str, Any] | None,
    *words: str,
    env: Mapping[str, str] | None = None,
    **files: Mapping[str, Any] | None,
) -> Ran:
    """Run the tap to its end.

    Args:
        folder: Where its files are written.
        config: Its settings; None for no `--config`.
        words: More of its command line; it comes before the files.
        env: Variables of its environment.
        files: `catalog` and `state`.
    """
    done = subprocess.run(
        # --discover and --test act on the config that stands before them.
        [*command(folder, config, **files), *words],
        env=environment(**(env or {})),
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    return ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def ran(code: int, out: str, err: str) -> Ran:
    """Parse what a tap wrote; text that is no message is left in `out`."""
    return Ran(code, out, err, list(_messages(out.split("\n"))))


def _messages(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith('{"'):
            message = json.loads(line, parse_float=Decimal)
            if "type" in message:
                yield message


def discover(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the catalog that the tap discovers."""
    found = run_tap(folder, config, "--discover")
    assert found.code == 0, found.err
    catalog: dict[str, Any] = json.loads(found.out)
    return catalog


def entry(catalog: Mapping[str, Any], stream: str = "invoices") -> dict[str, Any]:
    """Return a stream's entry of a catalog."""
    found: dict[str, Any] = next(
        each for each in catalog["streams"] if each["tap_stream_id"] == stream
    )
    return found


def set_metadata(
    catalog: Mapping[str, Any], stream: str, *breadcrumb: str, **values: object
) -> None:
    """Set a stream's metadata, or that of one of its fields, as Meltano's `select` does."""
    metadata = entry(catalog, stream)["metadata"]
    for each in metadata:
        if each["breadcrumb"] == list(breadcrumb):
            each["metadata"] |= values
            return
    metadata.append({"breadcrumb": list(breadcrumb), "metadata": dict(values)})


def deselect(catalog: Mapping[str, Any], stream: str, *path: str) -> None:
    """Deselect a stream, or a field of it by its path, inside objects too."""
    breadcrumb = [word for name in path for word in ("properties", name)]
    set_metadata(catalog, stream, *breadcrumb, selected=False)
