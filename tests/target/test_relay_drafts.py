"""Drafts are known as drafts, whatever form a mapper between the programs gives their flag."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from helpers.run import TAP, TARGET, pipe, write_json
from helpers.target_process import KEEPER, loader
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

MAPPER = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "SCHEMA":
        message["schema"]["properties"].pop("non_booked", None)
    elif message["type"] == "RECORD" and "non_booked" in message["record"]:
        message["record"]["non_booked"] = {form}(message["record"]["non_booked"])
    print(json.dumps(message), flush=True)
"""


@pytest.mark.parametrize("form", ["str", "int", "bool"])
def test_a_draft_is_never_marked_whatever_form_its_flag_has(tmp_path: Path, form: str) -> None:
    with Sandbox.start(invoices=5, drafts=3) as sandbox:
        target = sandbox.config(loader=loader(tmp_path, KEEPER))
        tap = sandbox.config(include_non_booked=True)
        pipe(
            [TAP, "--config", write_json(tmp_path, "tap", tap)],
            [sys.executable, "-c", MAPPER.replace("{form}", form)],
            [TARGET, "--config", write_json(tmp_path, "target", target)],
            cwd=tmp_path,
        ).check()
        assert {entry["status"] for entry in sandbox.log("/mark-as-exported")} == {200}
        assert sandbox.marked() == {1, 2, 3, 4, 5}
