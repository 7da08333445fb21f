"""Pythons of other versions that are on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def of_version(major: int, minor: int) -> str | None:
    """Return the path of a Python that runs, as its installer or pyenv has put it there."""
    name = f"python{major}.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(pyenv.glob(f"versions/{major}.{minor}.*/bin/{name}"))
    for found in (*map(str, kept), shutil.which(name)):
        # What pyenv puts on the path is no Python where that version is not chosen.
        if (
            found
            and subprocess.run([found, "-V"], check=False, capture_output=True).returncode == 0
        ):
            return found
    return None
