"""The note that a mark leaves in the invoice's timeline."""

from __future__ import annotations

from datetime import UTC, datetime
from string import Formatter

PLACEHOLDERS = ("run_id", "loaded_at")


def note_error(template: str) -> str | None:
    """Describe what is wrong with a note; None if nothing is."""
    allowed = " and ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        fields = [field for field in Formatter().parse(template) if field[1] is not None]
    except ValueError as error:
        return f"note is not valid ({error}); it may hold {allowed}"
    for _, name, form, conversion in fields:
        if name not in PLACEHOLDERS or form or conversion:
            return f"note holds {{{name}}}, which is not known; it may hold {allowed}"
    return None


def render_note(template: str | None, run_id: str, loaded_at: float) -> str | None:
    """Render the note for invoices that were confirmed at one moment.

    Args:
        template: The setting; None for no note.
        run_id: The id of this run.
        loaded_at: When the invoices were confirmed, in seconds of the epoch; it is written in
            UTC.
    """
    if not template:
        return None
    moment = datetime.fromtimestamp(loaded_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return template.format(run_id=run_id, loaded_at=moment)
