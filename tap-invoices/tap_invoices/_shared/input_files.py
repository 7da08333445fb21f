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

_MAX_DEPTH = 100
_TOO_DEEP = "it is nested too deeply"

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
        value = parse_json(text)
    except UnicodeDecodeError:
        raise InputFileError(kind, name, "it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InputFileError(kind, name, _describe(error, kind)) from None
    except ValueError as error:
        raise InputFileError(kind, name, str(error)) from None
    if not isinstance(value, dict):
        raise InputFileError(kind, name, "it is not a JSON object")
    return value


def _describe(error: json.JSONDecodeError, kind: str) -> str:
    if not error.doc.strip():
        return "it is empty"
    if error.msg == "Extra data" and kind == "state":
        return "it holds more than one JSON value. Use its last line alone"
    return f"it is not valid JSON ({error})"


def parse_json(text: str) -> Any:  # noqa: ANN401 - JSON
    """Parse JSON strictly.

    The standard parser accepts NaN, reads 1e999 as infinity, and takes values that are too deep
    for whatever walks through them afterwards.

    Raises:
        ValueError: It is not valid, nested too deeply, or a number is out of bounds.
    """
    try:
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_finite)
    except (json.JSONDecodeError, _NotJsonError):
        raise
    except ValueError:
        raise ValueError("it holds a number that is out of bounds") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _is_deeper(value, _MAX_DEPTH):
        raise ValueError(_TOO_DEEP)
    return value


def _is_deeper(value: object, depth: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    children = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(child, depth - 1) for child in children)


class _NotJsonError(ValueError):
    pass


def _reject_constant(constant: str) -> None:
    raise _NotJsonError(f"it holds {constant}, which is not JSON")


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
