"""The documents and the programs' prose are spelt, worded and named as the project does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import check_language

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.capture import CaptureFixture

WRONG = {
    "spelling.md": ("The tap recieves an invoice.", "recieves"),
    "grammar.md": ("The tap sends an an invoice.", "an an"),
    "german.md": ("The response is no JSON.", "is no JSON"),
    "glossary.md": ("A first line.\n\nThe tap asks again.", "asks again"),
    "docstring.py": ('"""What is not marked is listed again."""', "What is not marked is"),
    "comment.py": ("# The tap reads a invoice.", "a"),
}
RIGHT = {
    "prose.md": "A loader emits a STATE. There is no default.",
    "inline.md": "This is `what is marked is` code.",
    "block.md": "```sh\necho asks again\n```",
    "identifier.py": 'asks_again = "recieves"  # the name of a field',
}


def test_mistakes_are_found_and_nothing_else(tmp_path: Path) -> None:
    for name, text in ({name: text for name, (text, _) in WRONG.items()} | RIGHT).items():
        (tmp_path / name).write_text(f"{text}\n")
    found = check_language.check(tmp_path.iterdir())
    assert {finding.path.name for finding in found} == WRONG.keys()
    for name, (_, place) in WRONG.items():
        messages = [finding.message for finding in found if finding.path.name == name]
        assert any(f"“{place}”" in message for message in messages), messages


def test_the_command_names_file_and_line(tmp_path: Path, capsys: CaptureFixture[str]) -> None:
    path = tmp_path / "page.md"
    path.write_text("# A page\n\nThe tap recieves an invoice.\n")
    assert check_language.main([str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:3: “recieves”")
