"""What is wrong with the settings, said so that one knows which, why, and what it takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema
from singer_sdk.exceptions import ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.plugin_base import PluginBase

_FIT_FOR_A_HEADER = re.compile("[!-~]*")
_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = {
    "minimum": "the least is {}",
    "exclusiveMinimum": "it has to be more than {}",
    "maximum": "the most is {}",
    "minLength": "it must not be empty",
}


def in_words(error: ConfigValidationError, plugin: PluginBase) -> ConfigValidationError:
    """Return the error with each problem in a sentence, unless they are sentences already.

    The SDK's own give a regular expression for what is wanted, and repeat a secret.
    """
    schema = plugin.config_jsonschema
    problems = jsonschema.Draft7Validator(schema).iter_errors(dict(plugin.config))
    words = [words for problem in problems for words in _told(problem, schema, plugin.name)]
    if not words:
        return error
    words += key_problems(plugin)
    return ConfigValidationError(error.args[0], errors=[*dict.fromkeys(words)])


def key_problems(plugin: PluginBase) -> Iterator[str]:
    """Say what is wrong with keys, which are sent as HTTP headers.

    A key itself is not repeated; what would refuse it later on does repeat it.
    """
    for name, schema in plugin.config_jsonschema["properties"].items():
        key = plugin.config.get(name) if schema.get("secret") else None
        if isinstance(key, str) and not _FIT_FOR_A_HEADER.fullmatch(key):
            yield (
                f"{name} cannot be used: it holds a space, a line break or a character that no "
                "HTTP header can have."
            )


def _told(
    problem: jsonschema.ValidationError, schema: Mapping[str, Any], plugin: str
) -> Iterator[str]:
    place = _place(problem.absolute_path)
    given: Any = problem.instance
    if problem.validator == "required":
        names: Any = problem.validator_value
        for name in names:
            if name not in given:
                yield f"{_within(place, name)} is missing.{'' if place else _where(name, plugin)}"
    elif given is None:
        yield f"{place} is missing.{_where(place, plugin) if place in schema['properties'] else ''}"
    else:
        is_given = f"is {given!r}" if isinstance(given, str) else f"is {given}"
        is_secret = schema["properties"].get(problem.absolute_path[0], {}).get("secret")
        yield f"{place} {'cannot be used' if is_secret else is_given}: {_taken(problem)}."


def _where(name: str, plugin: str) -> str:
    variable = f"{plugin}_{name}".upper().replace("-", "_")
    return f" Set it in the file of --config, or as {variable} and give --config=ENV."


def _taken(problem: jsonschema.ValidationError) -> str:
    """Say what would do instead."""
    wanted: Any = problem.validator_value
    schema: Any = problem.schema
    match problem.validator:
        case "type":
            return f"it takes {_or(_KINDS[kind] for kind in _list(wanted) if kind != 'null')}"
        case "enum":
            return f"it takes {_or(repr(each) for each in wanted if each is not None)}"
        case "pattern":
            likes = schema.get("examples") or _list(schema["default"])
            return f"it has to look like {_or(likes)}"
        case "additionalProperties":
            return f"it takes {_or(map(repr, schema['properties']))} and nothing else"
        case bound if bound in _BOUNDS:
            return _BOUNDS[bound].format(wanted)
        case _:
            return str(problem.message)


def _place(path: Iterable[str | int]) -> str:
    place = ""
    for part in path:
        place = f"{place}[{part}]" if isinstance(part, int) else _within(place, part)
    return place


def _within(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - of a JSON Schema
    return value if isinstance(value, list) else [value]


def _or(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last
