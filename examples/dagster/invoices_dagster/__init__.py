"""Traede invoices in Dagster: `definitions.py` is where to look first."""

from __future__ import annotations
