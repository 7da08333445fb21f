"""The files of the command line, refused in one line where they hold no JSON object."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tap_invoices.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

_ENVIRONMENT = "ENV"  # in place of a file: settings come from environment variables


def check_config_files(paths: Iterable[str]) -> None:
    """Check the files of `--config`.

    Raises:
        InputError: One is not there, or holds no JSON object.
    """
    for path in paths:
        if path != _ENVIRONMENT:
            try:
                _check("config", path, Path(path).read_text(encoding="utf-8"))
            except OSError as error:
                raise InputError("config", path, error.strerror or "it cannot be read") from None


def checked(_: click.Context, option: click.Parameter, file: TextIO | None) -> TextIO | None:
    """Read an option's file and return it, as if unread; a callback for `click`.

    Raises:
        InputError: It holds no JSON object.
    """
    if file is None:
        return None
    text = file.read()
    _check(str(option.name), file.name, text)
    return io.StringIO(text)


def _check(kind: str, name: str, text: str) -> None:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(kind, name, f"it is no JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(kind, name, "it holds no JSON object")
