"""Singer target that marks an invoice as exported only once a loader has confirmed it."""

from __future__ import annotations
