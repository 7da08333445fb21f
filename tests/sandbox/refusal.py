"""How the service says no: Laravel's form."""

from __future__ import annotations

from typing import Any


class RefusalError(Exception):
    """A request that the service refuses.

    Attributes:
        status: The answer's status.
        body: Its JSON.
    """

    def __init__(
        self, status: int, message: str, errors: dict[str, list[str]] | None = None
    ) -> None:
        """Keep the status and the words."""
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message} | ({"errors": errors} if errors else {})


def invalid(field: str, text: str) -> RefusalError:
    """Return the refusal of one field."""
    return RefusalError(422, "The given data was invalid.", {field: [text]})
