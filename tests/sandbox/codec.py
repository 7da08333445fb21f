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
        ValueError: It is none.
    """
    return _decoder.decode(text)


def encode(value: Any) -> bytes:
    """Write JSON."""
    return _encoder.encode(value)
