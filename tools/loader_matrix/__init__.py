"""Real loaders, tried one by one: what they load, and what their STATEs are worth."""

from __future__ import annotations
