"""The tutorial, followed from top to bottom: what it says is seen is seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from helpers.checkout import CHECKOUT
from helpers.howto_pages import blocks_of, is_seen
from helpers.run import run
from sandbox.client import Sandbox
from tap_invoices.bookmark import Bookmark

pytestmark = pytest.mark.xdist_group("packages")

_PORT = "8910"
_END = "---- the end of a block ----"


@pytest.mark.slow
def test_its_commands_show_what_it_says(tmp_path: Path) -> None:
    blocks = blocks_of(CHECKOUT / "docs" / "tutorial.md")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    typed = [block for block in blocks if block.language == "sh" and block.title is None]
    assert typed[0].text == "python3 run.py demo\n"  # which has tests of its own
    with Sandbox.start(invoices=3) as sandbox:
        script = f"\necho '{_END}'\n".join(block.text for block in typed[1:])
        said = follow(tmp_path, script.replace(f":{_PORT}", f":{sandbox.url.rpartition(':')[2]}"))
        assert sandbox.marked("tutorial") == {1, 2, 3}
    assert stored(tmp_path / ".demo" / "tutorial" / "loaded") == [1, 2, 3]
    assert_the_reference_shows_such_a_state(tmp_path / ".demo" / "tutorial" / "state.json")
    shown = said.split(_END)
    position = 0
    for block in blocks:
        if block in typed[1:]:
            position = typed.index(block) - 1
        elif block.language == "text":
            assert is_seen(block.text, shown[position]), shown[position]


def stored(folder: Path) -> list[int]:
    """Return the ids of the invoices that are on disk at the end, each as often as it is there."""
    lines = (folder / "invoices.jsonl").read_text().splitlines()
    return [json.loads(line)["id"] for line in lines]


def assert_the_reference_shows_such_a_state(path: Path) -> None:
    blocks = blocks_of(CHECKOUT / "docs" / "reference.md")
    (example,) = [json.loads(block.text) for block in blocks if block.language == "json"]
    assert _shape(example) == _shape(json.loads(path.read_text()))
    assert [*Bookmark.from_state(example).delivered][-2:] == [250, 260]


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    return type(value)


def test_both_terminals_use_the_same_port() -> None:
    blocks = blocks_of(CHECKOUT / "docs" / "tutorial.md")
    (started,) = [block.text for block in blocks if block.title == "second terminal"]
    _, _, options = started.partition("python -m sandbox ")
    assert options.split() == ["--port", _PORT, "--invoices", "3"]


def follow(folder: Path, script: str) -> str:
    return run(["bash", "-eu", "-c", script], cwd=folder, merge_stderr=True).check().stdout
