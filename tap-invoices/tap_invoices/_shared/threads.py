"""Threads, where the system may have no room for one more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import PluginError

if TYPE_CHECKING:
    from threading import Thread


def start_thread(thread: Thread) -> None:
    """Start a thread.

    Raises:
        PluginError: The system has no room for it.
    """
    try:
        thread.start()
    except RuntimeError:
        raise PluginError(
            "Cannot start a thread: the system's limit of threads is reached. Raise it, for "
            "example that of the container."
        ) from None
