"""Files of the command line: read once, and named in one line where they cannot be used."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Shared

UNUSABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n", "it is empty"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "it is not UTF-8 text"),
    "UTF-16 without a mark": ('{"ä": 1}'.encode("utf-16-le"), "it is not UTF-8 text"),
    "ASCII in UTF-16": ('{"a": 1}'.encode("utf-16-le"), "it is not valid JSON"),
    "Latin-1": ('{"a": "ø"}'.encode("latin-1"), "it is not UTF-8 text"),
    "cut off": (b'{"a": ', "it is not valid JSON (Expecting value: line 1 column 7"),
    "YAML": (b"a: 1\n", "it is not valid JSON"),
    "a list": (b"[]", "it is not a JSON object"),
    "null": (b"null", "it is not a JSON object"),
    "deep nesting": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is nested too deeply"),
    "rather deep nesting": (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "it is nested too deeply"),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "a number that is out of bounds"),
    "NaN": (b'{"a": NaN}', "it holds NaN, which is not JSON"),
    "infinity": (b'{"a": -Infinity}', "it holds -Infinity, which is not JSON"),
    "a number beyond all": (b'{"a": 1e999}', "a number that is out of bounds"),
    "two lines": (b'{"a": 1}\n{"a": 2}\n', "it is not valid JSON (Extra data"),
}


def reason_of(shared: Shared, path: object) -> str:
    with pytest.raises(shared.errors.InputFileError) as raised:
        shared.input_files.read_config_files([path])
    text = str(raised.value)
    start = f"The config file {path} cannot be used: "
    assert text.startswith(start)
    assert "\n" not in text
    return text.removeprefix(start)


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_used(shared: Shared, tmp_path: Path, name: str) -> None:
    content, reason = UNUSABLE[name]
    path = tmp_path / "config.json"
    path.write_bytes(content)
    assert reason in reason_of(shared, path)


def test_a_path_that_cannot_be_read(shared: Shared, tmp_path: Path) -> None:
    assert reason_of(shared, tmp_path / "none.json") == "No such file or directory."
    assert reason_of(shared, tmp_path) == "Is a directory."
    assert reason_of(shared, "a\0b") == "it cannot be read."
    assert reason_of(shared, "x" * 5000) == "File name too long."


def test_a_later_file_takes_precedence(shared: Shared, tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_bytes(b'\xef\xbb\xbf{"a": 1, "b": {"x": 1}}')
    second.write_text('{"b": {"y": 2}}')
    paths = [str(first), "ENV", str(second)]
    assert shared.input_files.read_config_files(paths) == {"a": 1, "b": {"y": 2}}
    assert shared.input_files.read_config_files(["ENV"]) == {}


def test_a_pipe_is_read(shared: Shared) -> None:
    """As by `--config <(command)`: it can be read only once."""
    reader, writer = os.pipe()
    threading.Thread(target=_write, args=(writer, b'{"a": 1}')).start()
    try:
        assert shared.input_files.read_config_files([f"/dev/fd/{reader}"]) == {"a": 1}
    finally:
        os.close(reader)


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(content)


json_like = st.lists(
    st.sampled_from([b'{"a":', b"}", b"[", b"]", b"1", b'"', b",", b"\xff", b"\xef\xbb\xbf", b"\n"])
).map(b"".join)


@given(content=st.binary() | json_like)
def test_any_content_is_read_or_refused(
    shared: Shared, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        expected = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        expected = None
    if isinstance(expected, dict):
        assert shared.input_files.read_config_files([str(path)]) == expected
    else:
        reason_of(shared, path)


# Options that the SDK opens itself: `--catalog` and `--state`


def check(shared: Shared, option: str, content: bytes) -> Any:
    """Return what the option's callback makes of an open file."""
    file = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    parameter = click.Option([f"--{option}"])
    context = click.Context(click.Command("plugin"))
    return shared.input_files.check_json_option(context, parameter, NamedFile(file))


class NamedFile(io.TextIOWrapper):
    """An open file, as `click` hands it over."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        super().__init__(file.detach(), encoding="utf-8")

    @property
    def name(self) -> str:
        return "file.json"


def test_an_option_s_file_is_returned_as_if_unread(shared: Shared) -> None:
    content = {"bookmarks": {"invoices": {"delivered": ["T", "1..3"]}}, "ø": 1.5}
    file = check(shared, "state", b"\xef\xbb\xbf" + json.dumps(content).encode())
    assert json.load(file) == content
    assert check_nothing(shared) is None


def check_nothing(shared: Shared) -> object:
    return shared.input_files.check_json_option(None, click.Option(["--state"]), None)


@pytest.mark.parametrize("name", sorted(UNUSABLE.keys() - {"two lines"}))
def test_an_option_s_file_that_cannot_be_used(shared: Shared, name: str) -> None:
    content, reason = UNUSABLE[name]
    with pytest.raises(shared.errors.InputFileError) as raised:
        check(shared, "catalog", content)
    assert str(raised.value).startswith("The catalog file file.json cannot be used: ")
    assert reason in str(raised.value)


def test_a_state_of_two_lines_comes_with_advice(shared: Shared) -> None:
    """So the output of a tap or of a target looks: a state on each line."""
    with pytest.raises(shared.errors.InputFileError, match=r"more than one.*Use its last line"):
        check(shared, "state", b'{"bookmarks": {}}\n{"bookmarks": {}}\n')
