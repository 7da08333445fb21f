"""What ends the demo."""

from __future__ import annotations


class Stop(Exception):  # noqa: N818 - it is the sentence that ends the program
    """Ends the demo with one line that says what went wrong and where to look."""
