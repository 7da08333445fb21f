"""What the programs cost, side by side with others: `python3 run.py bench`."""

from __future__ import annotations
