"""Error responses in the form of Laravel."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that the service does not carry out.

    Attributes:
        status: The HTTP status.
    """

    def __init__(
        self, status: int, message: str, errors: dict[str, list[str]] | None = None
    ) -> None:
        """Create an error.

        Args:
            status: The HTTP status.
            message: The message; a validation error makes its own.
            errors: For each field that is not valid, what is wrong with it.
        """
        super().__init__(message)
        self.status = status
        self._message = message
        self._errors = errors

    def body(self, laravel: int) -> dict[str, Any]:
        """Return the body as JSON, as this major version of Laravel writes it."""
        if not self._errors:
            return {"message": self._message}
        message = self._message if laravel < 9 else _summary(self._errors)
        return {"message": message, "errors": self._errors}


def invalid(field: str, text: str) -> ApiError:
    """Return the validation error of one field."""
    return validation({field: [text]})


def validation(errors: dict[str, list[str]]) -> ApiError:
    """Return the validation error of several fields."""
    return ApiError(422, "The given data was invalid.", errors)


def server_error() -> ApiError:
    """Return what an exception in the service becomes in production."""
    return ApiError(500, "Server Error")


def missing_route(path: str, laravel: int) -> ApiError:
    """Return the error for a route that does not exist; 9.44 and newer name the route."""
    named = f"The route {path.lstrip('/')} could not be found."
    return ApiError(404, named if laravel >= 9 else "")


def _summary(errors: dict[str, list[str]]) -> str:
    first, *others = [text for texts in errors.values() for text in texts]
    if not others:
        return first
    return f"{first} (and {len(others)} more error{'s' if len(others) > 1 else ''})"
