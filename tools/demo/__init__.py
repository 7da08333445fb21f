"""The first command of the README: API, loader, database and marks, on this machine."""

from __future__ import annotations
