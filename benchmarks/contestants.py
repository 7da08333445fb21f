"""Who extracts, and what each of them delivered."""

from __future__ import annotations

import gzip
import json
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Command
from helpers.plugin_envs import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.api import Api

TAP = "tap-invoices"
BARE = "bare loop"
PLAIN = "plain SDK tap"
DLT = "dlt rest_api"
SERVER = "server alone"

_PROGRAMS = Path(__file__).with_name("programs")
_DLT = Program("dlt", ("dlt==1.31.*",))

Delivered = tuple[list[int], list[int]]
"""Ids of invoices and of lines, each in order."""


def commands(api: Api, names: Iterable[str], page_size: int) -> dict[str, Command]:
    """Return what is started for these contestants."""
    return {name: _COMMANDS[name](api, page_size) for name in names}


def delivered(name: str, api: Api, stdout: Path) -> Delivered:
    """Return what a contestant delivered at its last run."""
    return _from_dlt(api.folder / "dlt") if name == DLT else from_singer(stdout)


def _program(name: str, *words: object) -> list[str]:
    return [sys.executable, str(_PROGRAMS / name), *map(str, words)]


def _address(api: Api) -> tuple[str, str]:
    return api.sandbox.url, api.sandbox.token


def _plain(api: Api, page_size: int) -> Command:
    config = api.folder / f"plain-{page_size}.json"
    config.write_text(json.dumps(api.sandbox.config(page_size=page_size)))
    return Command(
        _program("plain_tap.py", "--config", config),
        variables={"PLAIN_TAP_SCHEMAS": str(api.folder)},
    )


def _dlt(api: Api, page_size: int) -> Command:
    python = _DLT.path().with_name("python")
    folder = api.folder / "dlt"
    return Command(
        [str(python), *_program("dlt_extract.py", *_address(api), page_size, folder)[1:]],
        variables={"RUNTIME__DLTHUB_TELEMETRY": "false"},
        before=lambda: _forget(folder),
    )


def _forget(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


_COMMANDS: dict[str, Callable[[Api, int], Command]] = {
    TAP: lambda api, size: Command(api.tap(page_size=size)),
    BARE: lambda api, size: Command(_program("bare_loop.py", *_address(api), size)),
    PLAIN: _plain,
    DLT: _dlt,
    SERVER: lambda api, size: Command(_program("drain.py", *_address(api), size, api.invoices)),
}


def from_singer(stdout: Path) -> Delivered:
    """Return the ids in RECORD messages."""
    ids: dict[str, list[int]] = {"invoices": [], "invoice_lines": []}
    with stdout.open() as lines:
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if message["type"] == "RECORD":
                ids[message["stream"]].append(message["record"]["id"])
    return sorted(ids["invoices"]), sorted(ids["invoice_lines"])


def _from_dlt(folder: Path) -> Delivered:
    invoices: list[int] = []
    lines: list[int] = []
    for path in folder.rglob("invoices.*.gz"):
        with gzip.open(path, "rt") as rows:
            for invoice in chain.from_iterable(map(json.loads, rows)):
                invoices.append(invoice["id"])
                lines += [line["id"] for line in invoice["lines"]]
    return sorted(invoices), sorted(lines)
