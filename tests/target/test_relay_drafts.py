"""Drafts that a stream map has given another form are known as drafts all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers.run import TAP, TARGET, pipe, write_json
from helpers.target_process import KEEPER, loader
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("form", ["str(non_booked)", "int(non_booked)", "non_booked"])
def test_a_draft_is_never_marked_whatever_form_its_flag_has(tmp_path: Path, form: str) -> None:
    with Sandbox.start(invoices=5, drafts=3) as sandbox:
        maps = {"invoices": {"non_booked": form}}
        tap = sandbox.config(include_non_booked=True, stream_maps=maps)
        target = sandbox.config(loader=loader(tmp_path, KEEPER))
        pipe(
            [TAP, "--config", write_json(tmp_path, "tap", tap)],
            [TARGET, "--config", write_json(tmp_path, "target", target)],
            cwd=tmp_path,
        ).check()
        assert {entry["status"] for entry in sandbox.log("/mark-as-exported")} == {200}
        assert sandbox.marked() == {1, 2, 3, 4, 5}
