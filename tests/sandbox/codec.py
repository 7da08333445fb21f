"""JSON with every digit kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def decode(text: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: It is not valid JSON, or its numbers or nesting are beyond any use.
    """
    try:
        return _decoder.decode(text)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError(str(error)) from error


def encode(value: Any) -> bytes:
    """Write JSON."""
    return _encoder.encode(value)
