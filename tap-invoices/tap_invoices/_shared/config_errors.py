"""What is wrong with the settings: which one, why, and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
from singer_sdk.exceptions import ConfigValidationError

from .api_settings import SETTINGS, api_setting_errors
from .environment import MAX_SHOWN, TYPE_NAMES, nearest
from .redact import shorten, without_password
from .stream_map_errors import stream_map_errors

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from singer_sdk.plugin_base import PluginBase

_EXPECTED = TYPE_NAMES | {"array": "a list", "object": "an object"}
_BOUNDS = {
    "minimum": "the minimum is {}",
    "exclusiveMinimum": "it must be greater than {}",
    "maximum": "the maximum is {}",
    "minLength": "it must not be empty",
    "minItems": "it must not be empty",
}


def explain(error: ConfigValidationError, plugin: PluginBase) -> ConfigValidationError:
    """Return the error with a sentence for each problem, unless it has sentences already.

    The SDK's own texts give a regular expression for what is expected, and repeat a secret.
    """
    schema = plugin.config_jsonschema
    problems = [*jsonschema.Draft7Validator(schema).iter_errors(dict(plugin.config))]
    if not problems:
        return error
    sentences = [each for problem in problems for each in _describe(problem, schema, plugin.name)]
    sentences += setting_errors(plugin, known={_setting(problem) for problem in problems})
    return ConfigValidationError(error.args[0], errors=[*dict.fromkeys(sentences)])


def setting_errors(plugin: PluginBase, known: Container[str] = ()) -> Iterator[str]:
    """Describe what no schema finds: unknown settings, and what makes every request fail.

    Args:
        plugin: The program.
        known: Settings that are known to be wrong.
    """
    config = {name: value for name, value in plugin.config.items() if name not in known}
    yield from unknown_settings(config, plugin.config_jsonschema["properties"])
    yield from api_setting_errors(config)
    if isinstance(stream_maps := config.get("stream_maps"), dict):
        yield from stream_map_errors(stream_maps)


def unknown_settings(config: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    """Describe settings that neither program has; those of the other one are ignored."""
    names = SETTINGS | known.keys()
    for name in config:
        if name not in names:
            yield f"{name} is not a setting.{nearest(name, names)}"


def _describe(
    problem: jsonschema.ValidationError, schema: Mapping[str, Any], plugin: str
) -> Iterator[str]:
    path = _json_path(problem.absolute_path)
    value: Any = problem.instance
    if problem.validator == "required":
        names: Any = problem.validator_value
        for name in names:
            if name not in value:
                how = "" if path else how_to_set(name, plugin)
                yield f"{_join_path(path, name)} is missing.{how}"
    elif value is None:
        how = how_to_set(path, plugin) if path in schema["properties"] else ""
        yield f"{path} is missing.{how}"
    else:
        is_secret = schema["properties"].get(_setting(problem), {}).get("secret")
        shown = "cannot be used" if is_secret else f"is {_show(value, _setting(problem))}"
        yield f"{path or 'The configuration'} {shown}: {_expected(problem)}."


def _setting(problem: jsonschema.ValidationError) -> str:
    return str(problem.absolute_path[0]) if problem.absolute_path else ""


def _show(value: object, setting: str) -> str:
    text = without_password(repr(value)) if setting == "api_url" else repr(value)
    return shorten(text, MAX_SHOWN)


def how_to_set(name: str, plugin: str) -> str:
    """Return a sentence that says where a setting of a program can be set."""
    variable = f"{plugin}_{name}".upper().replace("-", "_")
    return f" Set it in the file of --config, or as {variable} with --config=ENV."


def _expected(problem: jsonschema.ValidationError) -> str:
    expected: Any = problem.validator_value
    schema: Any = problem.schema
    match problem.validator:
        case "type":
            names = [_EXPECTED[name] for name in _list(expected) if name != "null"]
            return f"it takes {_join_or(names)}"
        case "enum":
            return f"it takes {_join_or(repr(each) for each in expected if each is not None)}"
        case "pattern":
            likes = schema.get("examples") or _list(schema.get("default", "text"))
            return f"it must look like {_join_or(likes)}"
        case "additionalProperties":
            return f"it takes {_join_or(map(repr, schema['properties']))} and nothing else"
        case bound if bound in _BOUNDS:
            return _BOUNDS[bound].format(expected)
        case _:
            return shorten(problem.message, MAX_SHOWN)


def _json_path(path: Iterable[str | int]) -> str:
    joined = ""
    for part in path:
        joined = f"{joined}[{part}]" if isinstance(part, int) else _join_path(joined, part)
    return joined


def _join_path(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - of a JSON Schema
    return value if isinstance(value, list) else [value]


def _join_or(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
