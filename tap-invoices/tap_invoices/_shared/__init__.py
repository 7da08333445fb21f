"""Code shared by both programs; the target's package reaches this folder by a symbolic link.

Imports inside this folder are relative, so that each program has a whole package of its own.
"""

from __future__ import annotations

PLUGIN_NAME = __name__.partition(".")[0].replace("_", "-")
"""The program that this copy belongs to, `tap-invoices` or `target-invoices-ack`."""
