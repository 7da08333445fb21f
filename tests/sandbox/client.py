"""A client that starts a sandbox and uses its controls."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import requests

from sandbox.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

_TESTS = Path(__file__).parents[1]
_TOKEN = "sandbox-token"
_CHANGES = {"add", "book", "change", "clock", "during_export", "mark", "unmark"}


def _environment() -> dict[str, str]:
    """Return an environment without what measures the coverage of the programs under test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return ours | {"PYTHONPATH": str(_TESTS)}


class Sandbox:
    """A sandbox in a process of its own, and a context manager that stops it."""

    def __init__(self, process: subprocess.Popen[str], url: str, token: str) -> None:
        """Use a sandbox that runs; `start` starts one."""
        self.process = process
        self.url = url
        self.token = token
        self.is_changed = False

    @classmethod
    def start(cls, *, token: str = _TOKEN, port: int = 0, **options: object) -> Self:
        """Start a sandbox.

        Args:
            token: The bearer token that it requires.
            port: Its port; 0 takes any free one.
            options: The options of `python -m sandbox`, such as `invoices` and `start_id`.

        Raises:
            RuntimeError: It does not start; the message is what it wrote to stderr.
        """
        arguments = [
            text
            for name, value in {"port": port, "token": token, **options}.items()
            for text in (f"--{name.replace('_', '-')}", str(value))
        ]
        with tempfile.TemporaryFile("w+") as errors:  # a pipe that nobody reads would block it
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", *arguments],
                env=_environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.communicate()
                errors.seek(0)
                raise RuntimeError(errors.read().strip())
        return cls(process, line.split()[-1], token)

    def __enter__(self) -> Self:
        """Enter a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process."""
        self.close()

    def close(self) -> None:
        """Stop the process and wait for its end."""
        self.process.terminate()
        self.process.communicate(timeout=20)

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return settings for the tap or the target."""
        return {
            "api_url": self.url,
            "access_token": self.token,
            "system_id": "warehouse",
        } | settings

    def state(self, system_id: str = "warehouse") -> dict[str, Any]:
        """Return counts (booked, drafts, lines, marked, pending, rejected), faults and the time."""
        result: dict[str, Any] = self._get("/state", system_id=system_id)
        return result

    def invoices(self, ids: Iterable[int] | None = None) -> list[dict[str, Any]]:
        """Return invoices as the service holds them; decimals keep every digit."""
        result: list[dict[str, Any]] = self._get(
            "/invoices", **({} if ids is None else {"ids": ",".join(map(str, ids))})
        )
        return result

    def marks(self, system_id: str = "warehouse") -> list[dict[str, Any]]:
        """Return every mark that was ever set, in order: invoice_id, system_id, at, note."""
        result: list[dict[str, Any]] = self._get("/marks", system_id=system_id)
        return result

    def marked(self, system_id: str = "warehouse") -> set[int]:
        """Return the ids that were ever marked."""
        return {mark["invoice_id"] for mark in self.marks(system_id)}

    def log(self, path_end: str = "", after: int = 0) -> list[dict[str, Any]]:
        """Return requests whose path ends so: `export`, `mark-as-exported`."""
        entries = self._get("/log", after=str(after))
        return [entry for entry in entries if entry["path"].endswith(path_end)]

    def clear_log(self) -> None:
        """Remove the requests so far from the log."""
        self.do("clear_log")

    def add(self, count: int = 1, **options: Any) -> list[int]:
        """Add invoices; `booked=False` for drafts, `set` for fields. Returns their ids."""
        result: list[int] = self.do("add", count=count, **options)
        return result

    def book(self, ids: Iterable[int] | None = None) -> list[int]:
        """Book these drafts, or all."""
        result: list[int] = self.do("book", ids=None if ids is None else list(ids))
        return result

    def change(self, invoice_id: int, **fields: Any) -> None:
        """Set fields of an invoice; `__absent__` removes one."""
        self.do("change", id=invoice_id, set=fields)

    def change_raw(self, invoice_id: int, text: str | None = None, **fields: str) -> None:
        r"""Set JSON that is sent as it is: `change_raw(1, comment=r'"cut \ud83d"')`.

        Args:
            invoice_id: The invoice.
            text: JSON, valid or not, in place of the whole invoice.
            fields: JSON, valid or not, of single fields.
        """
        self.do("change", id=invoice_id, raw=fields if text is None else text)

    def mark(
        self,
        ids: Iterable[int],
        system_id: str = "warehouse",
        at: float | None = None,
    ) -> None:
        """Mark invoices, as another program would."""
        self.do("mark", ids=list(ids), system_id=system_id, at=at)

    def unmark(self, ids: Iterable[int], system_id: str = "warehouse") -> None:
        """Remove marks."""
        self.do("unmark", ids=list(ids), system_id=system_id)

    def fail(self, *rules: dict[str, Any]) -> None:
        """Fail: each rule has a `kind`, and may have `on`, `times`, `skip` and details.

        `faults.py` has a table of the kinds and their details.
        """
        self.do("fail", rules=list(rules))

    def heal(self) -> None:
        """Fail no more: remove all faults."""
        self.do("heal")

    def reset(self) -> None:
        """Remove all faults and planned changes, and give every option its default."""
        self.do("reset")

    def behave(self, **changes: Any) -> None:
        """Change options: `Behaviour` in behaviour.py."""
        self.do("behave", **changes)

    def clock(self, offset: float) -> None:
        """Set the service's clock this many seconds ahead of this machine's."""
        self.do("clock", offset=offset)

    def during_export(self, request: int, *actions: dict[str, Any]) -> None:
        """Carry out actions right after the listing request of this number from now."""
        self.do("during_export", request=request, actions=list(actions))

    def do(self, action: str, **details: Any) -> Any:
        """Carry out one action of the controls."""
        self.is_changed |= action in _CHANGES
        response = requests.post(
            f"{self.url}/_sandbox/do",
            data=encode({"do": action, **details}),
            timeout=60,
        )
        response.raise_for_status()
        return decode(response.content)

    def _get(self, path: str, **query: str) -> Any:
        response = requests.get(f"{self.url}/_sandbox{path}?{urlencode(query)}", timeout=120)
        response.raise_for_status()
        return decode(response.content)
