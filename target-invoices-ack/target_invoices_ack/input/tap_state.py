"""What the state of `tap-invoices` tells the target about the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_invoices_ack._shared.delivered_ids import (
    HAS_LINES,
    SYSTEM_ID,
    parse_delivered,
    tap_invoices_bookmarks,
)
from target_invoices_ack._shared.id_ranges import IdRanges, format_ids
from target_invoices_ack.input.messages import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_tap_state(state: object, system_id: str, *, allow_missing_lines: bool) -> None:
    """Check that a state fits the target's settings.

    Args:
        state: The value of a STATE, of any tap; only those of `tap-invoices` are judged.
        system_id: The target's setting.
        allow_missing_lines: The target's setting.

    Raises:
        InputError: It is of another receiving system, or lines are missing.
    """
    for bookmark in tap_invoices_bookmarks(state):
        if bookmark.get(SYSTEM_ID, system_id) != system_id:
            raise InputError(
                f"tap-invoices delivers for system_id {bookmark[SYSTEM_ID]!r}, and the target "
                f"marks for {system_id!r}; nothing is marked. Set the same system_id for both.",
            )
        if bookmark.get(HAS_LINES) is False and not allow_missing_lines:
            raise InputError(
                "tap-invoices does not send the lines of the invoices (invoice_lines is not "
                "selected, or a stream map filters it); nothing is marked. Select invoice_lines, "
                "or set allow_missing_lines to true to mark invoices all the same.",
            )


def check_delivered(state: object, ids: Sequence[int], stream: str) -> None:
    """Check that what is taken for invoices is what `tap-invoices` says it delivered.

    A wrong `stream` or `id_property`, or a stream map that renames streams or changes ids, would
    otherwise mark other invoices.

    Args:
        state: The value of a STATE, of any tap; only those of `tap-invoices` are judged.
        ids: The ids that came since the STATE before.
        stream: The target's setting.

    Raises:
        InputError: An id is not among the delivered ones.
    """
    for bookmark in tap_invoices_bookmarks(state):
        try:
            since, delivered = parse_delivered(bookmark) or ("", IdRanges())
        except ValueError:  # of another tap
            continue
        if since and (others := [each for each in ids if each not in delivered]):
            raise InputError(
                f"The records of stream {stream!r} are not the invoices that tap-invoices says it "
                f"delivered (not among them: {format_ids(IdRanges(others))}); they are not "
                "marked. Check stream and id_property, and the stream_maps of the tap.",
            )


def check_read_back_state(state: object) -> None:
    """Check that what is read back does not come from the API.

    Raises:
        InputError: The state is one of `tap-invoices`.
    """
    if tap_invoices_bookmarks(state):
        raise InputError(
            "The input comes from tap-invoices itself, not from a warehouse: no loader has "
            "confirmed it, so nothing is marked. Set loader instead of read_back.",
        )
