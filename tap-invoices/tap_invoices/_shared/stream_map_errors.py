"""Functions in stream maps that do not exist, found before the first record needs them."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import TYPE_CHECKING

from singer_sdk.mapper import CustomStreamMap

from .environment import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def stream_map_errors(stream_maps: Mapping[str, object]) -> Iterator[str]:
    """Describe functions that the expressions of stream maps call and the SDK does not have.

    Args:
        stream_maps: The setting.
    """
    known = object.__new__(CustomStreamMap).functions  # the same for every stream map
    for stream, definition in stream_maps.items():
        for name, expression in definition.items() if isinstance(definition, dict) else ():
            for function in _called_functions(expression):
                if function not in known:
                    yield (
                        f"stream_maps.{stream}.{name} calls the function {function}, which stream "
                        f"maps do not have.{nearest(function, known)}"
                    )


def _called_functions(expression: object) -> Iterator[str]:
    if isinstance(expression, str):
        with suppress(SyntaxError, ValueError, RecursionError):  # told by the SDK, or plain text
            for node in ast.walk(ast.parse(expression.strip(), mode="eval")):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield node.func.id
