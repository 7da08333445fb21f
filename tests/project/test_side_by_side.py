"""Tests run side by side, and those that share what is slow to set up share a worker."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

_GROUP = """
import pytest

pytestmark = pytest.mark.xdist_group("shared")


@pytest.mark.parametrize("number", range(8))
def test_one_of_a_group(number):
    pass
"""


def test_a_group_of_tests_runs_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_group.py").write_text(_GROUP)
    settings = ("-c", str(CHECKOUT / "pyproject.toml"), "--rootdir", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "no:cacheprovider", "-n", "2", "-v"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    workers = re.findall(r"^\[(gw\d)\] .* PASSED", done.stdout, re.MULTILINE)
    assert len(workers) == 8, done.stdout
    assert len(set(workers)) == 1
