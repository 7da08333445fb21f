"""Where this repository is, and where Python finds its modules that no package installs."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

PYTHONPATH = os.pathsep.join(map(str, (CHECKOUT / "tests", CHECKOUT / "tools", CHECKOUT)))
"""For `python -m` with `sandbox`, `demo`, `generate`, `loader_matrix` and the like."""
