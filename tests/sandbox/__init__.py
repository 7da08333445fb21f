"""A stand-in for the export API: keeps its promises, and breaks when told to."""

from __future__ import annotations
