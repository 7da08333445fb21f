"""Errors that end a run; the text of each is one line that says what to do."""

from __future__ import annotations


class PluginError(Exception):
    """A problem that ends the run; its text is one line for the user."""


class InputFileError(PluginError):
    """A file of the command line that cannot be used."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(f"The {kind} file {name} cannot be used: {reason}.")


class StateError(PluginError):
    """A state that `tap-invoices` did not write."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The state was not written by tap-invoices: {reason}. Use the state that it wrote, "
            "or none to start again.",
        )


CHECK_NETWORK = "Check api_url and the network"
CHECK_PROXY = "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"


class ConnectionFailedError(PluginError):
    """A request without a usable response.

    Args:
        reason: What happened, in a few words.
        retry: Whether another attempt may succeed.
        hint: What the user can do.
    """

    def __init__(self, reason: str, *, retry: bool, hint: str = CHECK_NETWORK) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.hint = hint


class MalformedResponseError(ConnectionFailedError):
    """A success whose body is not what the API sends; it may come from something in between."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retry=True)


class UnexpectedResponseError(PluginError):
    """A success whose body is JSON of another shape; another attempt does not help."""


class ResponseTooLargeError(PluginError):
    """A response that is larger than any that the API sends; another attempt does not help."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The API sent more than {max_bytes >> 20} MiB in one response. Set a smaller "
            "page_size, or check what answers at api_url.",
        )
