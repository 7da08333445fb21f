"""Wheels of both packages, for what installs them as a user would."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from uv import find_uv_bin

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def build(folder: Path) -> Path:
    """Build them into a folder, and return it.

    Raises:
        CalledProcessError: They cannot be built.
    """
    command = [find_uv_bin(), "build", "--quiet", "--all-packages", "--wheel"]
    subprocess.run([*command, "--out-dir", str(folder)], cwd=CHECKOUT, check=True)
    return folder
