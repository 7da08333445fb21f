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


class NoteTemplate:
    """A note, rendered anew for each moment at which invoices were confirmed.

    Args:
        template: The setting; None for no note.
        run_id: The id of this run.
    """

    def __init__(self, template: str | None, run_id: str) -> None:
        self._template = template
        self._run_id = run_id

    def render(self, loaded_at: float) -> str | None:
        """Render the note.

        Args:
            loaded_at: When the invoice was confirmed, in seconds of the epoch; it is written
                in UTC.
        """
        if not self._template:
            return None
        moment = datetime.fromtimestamp(loaded_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._template.format(run_id=self._run_id, loaded_at=moment)
