"""From loaded invoices to marks, and the counts of a run."""

from __future__ import annotations
