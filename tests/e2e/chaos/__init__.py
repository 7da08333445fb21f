"""A chaos: the real pipeline, killed at random moments, then held against its history."""

from __future__ import annotations
