"""Singer tap for the invoices of Traede's export API: each one once, with its lines."""

from __future__ import annotations

import time

PROCESS_STARTED = time.monotonic()
"""When the program started: before singer-sdk, which takes a second to load."""
