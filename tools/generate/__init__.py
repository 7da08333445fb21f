"""The house itself: what is written about the programs, how they are packed and published."""

from __future__ import annotations
