"""The files of the command line, read once, and rejected in one line if they are not usable."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

_TOO_LARGE = "it holds a number that is too large"
_NOT_JSON = {
    name: f"it holds {name}, which is not JSON" for name in ("NaN", "Infinity", "-Infinity")
}

ENVIRONMENT = "ENV"  # in place of a file: settings come from environment variables


def read_config_files(paths: Iterable[str]) -> dict[str, Any]:
    """Read the files of `--config`; a later one takes precedence.

    A file may be a pipe, as in `--config <(command)`, so each is read only once.

    Raises:
        InputFileError: One cannot be read, or is not a JSON object.
    """
    config: dict[str, Any] = {}
    for path in paths:
        if path != ENVIRONMENT:
            try:
                content = Path(path).read_bytes()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it cannot be read"
                raise InputFileError("config", path, reason) from None
            config |= _parse("config", path, content)
    return config


def check_json_option(
    _: click.Context, option: click.Parameter, file: TextIO | None
) -> TextIO | None:
    """Read the file of an option and return it as if unread; a callback for `click`.

    Raises:
        InputFileError: It is not a JSON object.
    """
    if file is None:
        return None
    kind = str(option.name)
    try:
        content = file.buffer.read() if hasattr(file, "buffer") else file.read().encode()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise InputFileError(kind, file.name, reason) from None
    return io.StringIO(json.dumps(_parse(kind, file.name, content)))


def _parse(kind: str, name: str, content: bytes) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_float)
    except UnicodeDecodeError:
        raise InputFileError(kind, name, "it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InputFileError(kind, name, _describe(error, kind)) from None
    except ValueError as error:
        raise InputFileError(kind, name, _NOT_JSON.get(str(error), _TOO_LARGE)) from None
    except RecursionError:
        raise InputFileError(kind, name, "it is nested too deeply") from None
    if not isinstance(value, dict):
        raise InputFileError(kind, name, "it is not a JSON object")
    return value


def _reject_constant(constant: str) -> None:
    raise ValueError(constant)


def _parse_float(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _describe(error: json.JSONDecodeError, kind: str) -> str:
    if not error.doc.strip():
        return "it is empty"
    if error.msg == "Extra data" and kind == "state":
        return "it holds more than one JSON value. Use its last line alone"
    return f"it is not valid JSON ({error})"
