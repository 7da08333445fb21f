"""Emitting STATEs as the tap sent them, but without the invoices that were rejected."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from target_invoices_ack._shared.delivered_ids import exclude_ids

if TYPE_CHECKING:
    from target_invoices_ack._shared.id_ranges import IdRanges


def emit_state(state: bytes, rejected: IdRanges) -> bytes | None:
    """Emit a STATE.

    Args:
        state: Its value, as JSON.
        rejected: Invoices that the API rejects. The STATE must not claim them, or the next
            run would not deliver and name them again; one that cannot be changed so is not
            emitted.

    Returns:
        What was emitted; None if nothing was.

    Raises:
        OSError: It cannot be written.
    """
    emitted = without_ids(state, rejected) if rejected else state
    if emitted is not None:
        sys.stdout.buffer.write(b" ".join(emitted.splitlines()) + b"\n")
        sys.stdout.buffer.flush()
    return emitted


def without_ids(state: bytes, ids: IdRanges) -> bytes | None:
    """Remove invoices from the delivered ids that a STATE of `tap-invoices` holds.

    Returns:
        The STATE without them, or None where it does not hold ids in this way.
    """
    try:
        value = json.loads(state)
        has_ids = exclude_ids(value, ids)
    except (ValueError, RecursionError):
        return None
    return json.dumps(value).encode() if has_ids else None
