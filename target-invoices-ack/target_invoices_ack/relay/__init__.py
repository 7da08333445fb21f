"""Relaying to a loader, and what it confirms."""

from __future__ import annotations
