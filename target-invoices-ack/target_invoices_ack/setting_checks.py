"""What is wrong with the target's own settings, where no schema finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_invoices_ack._shared import times
from target_invoices_ack.input.messages import NON_BOOKED
from target_invoices_ack.note import note_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ONLY_READ_BACK = ("reconcile_since", "stream_maps")


def target_setting_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """Describe settings that are missing, contradict each other, or cannot be used."""
    if bool(config.get("loader")) == bool(config.get("read_back")):
        found = "both are" if config.get("loader") else "neither is"
        yield (
            f"loader and read_back: exactly one of them must be set, and {found}. Name the "
            "command of your loader in loader, or set read_back to true to mark what is read "
            "from a warehouse."
        )
    elif config.get("loader"):
        for name in _ONLY_READ_BACK:
            if config.get(name):
                yield f"{name} is for reading back and has no effect with loader: leave one out."
    if config.get("id_property") == NON_BOOKED:
        yield f"id_property cannot be {NON_BOOKED!r}: that column flags drafts."
    if (note := config.get("note")) and (problem := note_error(note)):
        yield f"{problem}."
    if (since := config.get("reconcile_since")) and (problem := times.invalid_time(since)):
        yield f"reconcile_since is {problem}."
