"""The README, followed word for word, with a sandbox in place of the account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from helpers.checkout import CHECKOUT
from helpers.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.meltano.pipeline import MeltanoPipeline

pytestmark = pytest.mark.xdist_group("pipeline")

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_API_URLS = ("TAP_INVOICES_API_URL", "TARGET_INVOICES_ACK_API_URL")


def blocks(language: str) -> list[str]:
    readme = (CHECKOUT / "README.md").read_text()
    return [match["text"] for match in _BLOCK.finditer(readme) if match["language"] == language]


def test_the_first_command_is_the_demo() -> None:
    assert blocks("sh")[0] == "python3 run.py demo\n"  # which has tests of its own


def test_the_commands_for_your_own_account_work(pipeline: MeltanoPipeline) -> None:
    _, set_up, run = blocks("sh")
    _prepare(pipeline, blocks("ini")[0])
    said = _type(pipeline, set_up)
    assert "would be marked" in said
    assert not pipeline.sandbox.marks()
    assert pipeline.table("invoices")

    _type(pipeline, set_up.rpartition("meltano install")[0] + run)
    marked = pipeline.sandbox.marked()
    assert marked == pipeline.whole() == pipeline.table("invoices").keys()


def _prepare(pipeline: MeltanoPipeline, environment_file: str) -> None:
    """Fill in `.env`, with the sandbox where the API's own address would be taken otherwise."""
    values = pipeline.project.environment
    answers = {
        "TRAEDE_ACCESS_TOKEN": values["SANDBOX_ACCESS_TOKEN"],
        "TRAEDE_APP_KEY": values["SANDBOX_APP_KEY"],
        "TRAEDE_SYSTEM_ID": values["SANDBOX_SYSTEM_ID"],
    } | {name: value for name, value in values.items() if name.startswith("WAREHOUSE_")}
    names = [text.partition("=")[0] for text in environment_file.splitlines()]
    assert set(names) == set(answers)
    filled = [f"{name}={answers[name]}" for name in names]
    filled += [f"{name}={pipeline.sandbox.url}" for name in _API_URLS]
    (pipeline.project.folder / ".env").write_text("\n".join(filled))
    _link(pipeline.project.folder / ".venv", CHECKOUT / ".venv")


def _link(link: Path, to: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(to)


def _type(pipeline: MeltanoPipeline, commands: str) -> str:
    ours = ("WAREHOUSE_", "SANDBOX_")  # all that is known has to come from `.env`
    values = pipeline.project.environment.items()
    env = {name: value for name, value in values if not name.startswith(ours)}
    command = ["bash", "-eu", "-c", commands]
    return run(command, cwd=pipeline.project.folder, env=env, merge_stderr=True).check().stdout
