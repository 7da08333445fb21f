"""Singer tap for the invoices of Traede's export API: each one once, with its lines."""

from __future__ import annotations

import time

BEGAN = time.monotonic()
"""When the program began, before it took singer-sdk a second to load."""
