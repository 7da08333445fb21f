"""What comes in: Singer messages, and the invoices in them."""

from __future__ import annotations
