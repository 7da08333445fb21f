"""What needs no sync does not load what a sync needs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from helpers.run import run, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Tap

FOR_A_SYNC = {"discovery", "streams", "sync", "prefetch", "_shared.http", "_shared.pagination"}


def loaded(*words: str) -> tuple[int, set[str]]:
    """Return the exit code of a run of the tap, and which of its modules it loaded."""
    done = run([sys.executable, "-X", "importtime", "-m", "tap_invoices", *words])
    return done.exit_code, set(
        re.findall(r"\| +tap_invoices\.([\w.]+)$", done.stderr, re.MULTILINE)
    )


@pytest.mark.parametrize("word", ["--help", "--version", "--about"])
def test_a_question_about_the_tap_is_answered_without_what_a_sync_needs(word: str) -> None:
    code, modules = loaded(word)
    assert code == 0
    assert "tap" in modules
    assert not modules & FOR_A_SYNC


def test_a_bad_setting_is_told_without_what_a_sync_needs(tmp_path: Path) -> None:
    config = {"access_token": "token", "system_id": "warehouse", "page_size": -1}
    code, modules = loaded("--config", write_json(tmp_path, "config", config))
    assert code == 1
    assert not modules & FOR_A_SYNC


def test_a_sync_loads_it(tap: Tap) -> None:
    _, modules = loaded("--config", write_json(tap.folder, "config", tap.sandbox.config()))
    assert modules >= FOR_A_SYNC
