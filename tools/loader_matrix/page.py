"""The page about loaders, made from what was recorded of them."""

from __future__ import annotations

import json
from typing import Any

from helpers.checkout import CHECKOUT

RECORD = CHECKOUT / "docs" / "loaders.json"
PAGE = CHECKOUT / "docs" / "loaders.md"

BEGIN = "<!-- begin loaders -->"
END = "<!-- end loaders -->"

_HEAD = (
    "loader",
    "into",
    "rows",
    "fields that differ",
    "STATE",
    "killed right after a STATE",
    "a second run",
    "reading back",
)


def table(results: list[dict[str, Any]]) -> str:
    """Return the table, a row a loader."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(each) for each in results)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write(results: list[dict[str, Any]]) -> None:
    """Keep the record, and put its table into the page."""
    RECORD.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(with_table(PAGE.read_text(), results))


def with_table(page: str, results: list[dict[str, Any]]) -> str:
    """Return the page with its table made anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(results)}\n{END}{after}"


def is_sound(result: dict[str, Any]) -> bool:
    """Whether a loader has, and keeps, everything that it said it has."""
    whole = all(sent == there for sent, there in result["rows"].values())
    return whole and not result["lost_after_kill"] and result["second_run"] != "replaces"


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    name = f"`{result['title']}` {result['version']}"
    pins = [each for each in result["packages"][1:] if not each.startswith("setuptools")]
    if pins:
        name += f" with `{', '.join(pins)}`"
    if result["exit_code"]:
        failed = f"ends with {result['exit_code']}"
        return (name, result["into"], failed, "", "", "", "", "not usable")
    return (
        name,
        result["into"],
        _rows(result["rows"]),
        ", ".join(f"`{each}`" for each in result["fields"]) or "none",
        _states(result),
        _killed(result["lost_after_kill"]),
        "**replaces**" if result["second_run"] == "replaces" else result["second_run"],
        "not needed" if is_sound(result) else "**needed**",
    )


def _rows(rows: dict[str, list[int]]) -> str:
    lost = [
        f"**loses {sent - there}** of {sent} {what}"
        for what, (sent, there) in rows.items()
        if sent != there
    ]
    return ", ".join(lost) or "all"


def _states(result: dict[str, Any]) -> str:
    early, late = result["states"]
    when = "while it loads" if early else "at the end" if late else "never"
    return f"{when}; ends with {result['last_state']}" if early or late else when


def _killed(lost: int | None) -> str:
    if lost is None:
        return "not tried: no STATE that confirms"
    return f"**{lost} invoices were not there**" if lost else "all was there"
