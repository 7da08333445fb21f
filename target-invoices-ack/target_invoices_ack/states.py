"""STATEs on their way out: printed as the tap sent them, unless an invoice was refused."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RANGE = re.compile(r"(-?\d+)(?:\.\.(-?\d+))?")
_DELIVERED = "delivered"


def write_state(state: bytes, refused: frozenset[int]) -> None:
    """Print a STATE.

    Args:
        state: Its value, as JSON.
        refused: Invoices that the API refused. The STATE must not claim them, or the next
            run would not name them again; one that claims them all the same is not printed.

    Raises:
        OSError: Nobody reads any more.
    """
    printed = without(state, refused) if refused else state
    if printed is not None:
        try:
            sys.stdout.buffer.write(b" ".join(printed.splitlines()) + b"\n")
            sys.stdout.buffer.flush()
        except OSError:
            # What is still buffered has no reader: without this, Python ends with 120.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def without(state: bytes, refused: frozenset[int]) -> bytes | None:
    """Take invoices out of the delivered ids that a STATE of tap-invoices holds.

    The tap keeps them in each bookmark as `"delivered": [T, "1..250 260"]`; what is not
    in there and not marked is listed and delivered again by the next run.

    Returns:
        The STATE without them, or None where it does not hold ids in this way.
    """
    value = json.loads(state)
    bookmarks = _with_delivered(value)
    for bookmark in bookmarks:
        since, ranges = bookmark[_DELIVERED]
        bookmark[_DELIVERED] = [since, _take_out(ranges, refused)]
    return json.dumps(value).encode() if bookmarks else None


def is_of_tap_invoices(value: object) -> bool:
    """Whether a STATE's value is one of tap-invoices: no other holds delivered ids."""
    return bool(_with_delivered(value))


def _with_delivered(value: object) -> list[dict[str, Any]]:
    bookmarks = value.get("bookmarks") if isinstance(value, dict) else None
    found = []
    for bookmark in bookmarks.values() if isinstance(bookmarks, dict) else ():
        match bookmark:
            case {"delivered": [str(), str()]}:
                found.append(bookmark)
            case _:
                pass
    return found


def _take_out(ranges: str, refused: Iterable[int]) -> str:
    return " ".join(
        str(first) if first == last else f"{first}..{last}"
        for first, last in _pieces(ranges, sorted(refused))
    )


def _pieces(ranges: str, refused: list[int]) -> Iterator[tuple[int, int]]:
    for match in _RANGE.finditer(ranges):
        first, last = int(match[1]), int(match[2] or match[1])
        for bad in refused:
            if first <= bad <= last:
                if first < bad:
                    yield first, bad - 1
                first = bad + 1
        if first <= last:
            yield first, last
