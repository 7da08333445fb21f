"""From loaded invoices to marks, and the account of a run."""

from __future__ import annotations
