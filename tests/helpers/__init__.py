"""What tests of several parts share."""

from __future__ import annotations
