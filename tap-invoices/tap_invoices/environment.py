"""Settings from environment variables, such as `TAP_INVOICES_PAGE_SIZE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.configuration._dict_config import (  # private, but the SDK's only reader
    parse_environment_config,
)
from singer_sdk.exceptions import ConfigValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Read settings from the environment, and from a `.env` file as the SDK does.

    The SDK's reader knows no numbers with a fraction, and ends with a traceback where a
    value cannot be read. tests/tap/test_cli.py notices when it changes.

    Args:
        schema: The settings' JSON Schema.
        prefix: What the variables' names begin with.

    Raises:
        ConfigValidationError: A value cannot be read as what its setting is.
    """
    settings: dict[str, Any] = {}
    errors = []
    for name, kind in schema["properties"].items():
        try:
            settings |= parse_environment_config({"properties": {name: kind}}, prefix)
            if name in settings and "number" in kind.get("type", ()):
                settings[name] = float(settings[name])
        except ValueError:
            types = kind.get("type", "value")
            expected = types if isinstance(types, str) else types[0]
            errors.append(f"{prefix}{name.upper()} cannot be read as {expected}")
    if errors:
        raise ConfigValidationError("A setting is malformed", errors=errors)
    return settings
