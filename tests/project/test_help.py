"""What both programs show before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generate.programs import PROGRAMS
from helpers.run import TAP, TARGET, environment, run

if TYPE_CHECKING:
    from generate.programs import Program

COMMANDS = {"tap-invoices": TAP, "target-invoices-ack": TARGET}
every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@every_program
def test_help_begins_with_the_purpose(program: Program) -> None:
    said = _said(program, "--help").split("\n\n")
    assert said[1].split()[:2] == ["Singer", program.name.partition("-")[0]]
    assert said[2].startswith("Options:")


@every_program
def test_a_shell_completes_the_options(program: Program) -> None:
    variable = f"_{program.name}_COMPLETE".upper().replace("-", "_")
    assert f"{variable}=bash_source {program.name}" in (program.folder / "README.md").read_text()
    assert "complete " in _said(program, **{variable: "bash_source"})
    begun = {"COMP_WORDS": f"{program.name} --con", "COMP_CWORD": "1"}
    assert _said(program, **{variable: "bash_complete"}, **begun) == "plain,--config\n"


def _said(program: Program, *words: str, **variables: str) -> str:
    return run([COMMANDS[program.name], *words], env=environment(**variables)).check().stdout
