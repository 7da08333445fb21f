"""Settings from environment variables, such as `TAP_INVOICES_PAGE_SIZE`."""

from __future__ import annotations

import math
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from .input_files import parse_json
from .redact import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Schema = Mapping[str, Any]

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_NOT_SET = (None, "")  # as schedulers leave a variable that has no value
_NOT_SETTINGS = ("LOGLEVEL",)  # read by the SDK itself

MAX_SHOWN = 200
"""Characters that a message repeats of a value."""

TYPE_NAMES = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "array": "a JSON list",
    "object": "a JSON object",
    "string": "text",
}


def normalize(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out settings without a value, and make integers of numbers such as 250.0.

    JSON Schema takes such a number for an integer.
    """
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in config.items()
        if value not in _NOT_SET
    }


def read_environment(schema: Schema, prefix: str) -> dict[str, Any]:
    """Read settings from the environment; an empty variable is not set.

    The SDK's own reader takes any text that it does not know for false, ends with a
    traceback if a number cannot be parsed, and reads a `.env` above the virtual environment
    that takes precedence over exported variables.

    Args:
        schema: The JSON Schema of the settings.
        prefix: What the names of the variables begin with.

    Raises:
        ConfigValidationError: A value is not of the type of its setting.
    """
    settings: dict[str, Any] = {}
    errors = []
    for name, setting in schema["properties"].items():
        variable = prefix + name.upper()
        if not (text := os.environ.get(variable, "").strip()):
            continue
        try:
            settings[name] = _parse(text, setting)
        except ValueError:
            shown = "" if setting.get("secret") else f"{shorten(text, MAX_SHOWN)!r} and "
            errors.append(f"{variable} is {shown}not {TYPE_NAMES[_type_of(setting)]}")
    if errors:
        raise ConfigValidationError("A setting is invalid", errors=errors)
    return settings


def environment_warnings(
    schema: Schema, config: Mapping[str, Any], prefix: str, *, is_read: bool
) -> Iterator[str]:
    """Describe variables with the program's prefix that have no effect.

    Args:
        schema: The JSON Schema of the settings.
        config: The settings in force.
        prefix: What the names of the variables begin with.
        is_read: Whether settings are read from the environment (`--config=ENV`).
    """
    names = {name.upper(): name for name in schema["properties"]}
    settings = {prefix + name: setting for name, setting in names.items()}
    for variable, text in sorted(os.environ.items()):
        is_plugin_extra = variable.startswith(f"{prefix}_")  # Meltano's, such as `__SELECT`
        if not variable.startswith(prefix) or is_plugin_extra or not text.strip():
            continue
        if (name := settings.get(variable)) is None:
            if variable.removeprefix(prefix) not in _NOT_SETTINGS:
                hint = nearest(variable.removeprefix(prefix), names, prefix)
                yield f"The variable {variable} is not a setting and has no effect.{hint}"
        elif not is_read and not _agrees(text, schema["properties"][name], config.get(name)):
            yield (
                f"The variable {variable} has no effect: settings come from the file of --config. "
                "Add --config=ENV to read variables."
            )


def nearest(name: str, names: Iterable[str], prefix: str = "") -> str:
    """Return a sentence that names the most similar name; empty if none is similar."""
    found = get_close_matches(name, names, n=1, cutoff=0.6)
    return f" Did you mean {prefix}{found[0]}?" if found else ""


def _agrees(text: str, setting: Schema, value: object) -> bool:
    try:
        return bool(_parse(text.strip(), setting) == value)
    except ValueError:
        return False


def _type_of(setting: Schema) -> str:
    types = setting.get("type", "string")
    names = [types] if isinstance(types, str) else types
    return next((name for name in names if name in TYPE_NAMES), "string")


def _parse(text: str, setting: Schema) -> Any:  # noqa: ANN401 - a setting's value
    """Parse a value.

    Raises:
        ValueError: It is not of the setting's type.
    """
    match _type_of(setting):
        case "boolean":
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(text)
            return text.lower() in _TRUE
        case "integer":
            return _parse_number(text, int)
        case "number":
            return _parse_number(text, float)
        case "array":
            return _parse_json(text, list)
        case "object":
            return _parse_json(text, dict)
        case _:
            return text


def _parse_number(text: str, kind: type[int | float]) -> int | float:
    number = kind(text)
    is_finite = isinstance(number, int) or math.isfinite(number)
    if not text.isascii() or "_" in text or not is_finite:
        raise ValueError(text)
    return number


def _parse_json(text: str, kind: type) -> object:
    value: object = parse_json(text)
    if not isinstance(value, kind):
        raise ValueError(text)  # noqa: TRY004 - as for what is not JSON
    return value
