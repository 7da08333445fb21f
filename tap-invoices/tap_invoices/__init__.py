"""Singer tap for the invoices of Traede's export API: each one once, with its lines."""

from __future__ import annotations
