"""The files of `--config`, refused in one line where they hold no JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from target_invoices_ack.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENVIRONMENT = "ENV"  # in place of a file: settings come from environment variables


def check(paths: Iterable[str]) -> None:
    """Check the files before they are read.

    Raises:
        TargetError: One is not there, or holds no JSON object.
    """
    for path in paths:
        if path != _ENVIRONMENT and (found := _problem(Path(path))):
            raise TargetError(f"The config file {path!r} cannot be used: {found}.")


def _problem(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return error.strerror or "it cannot be read"
    except UnicodeDecodeError:
        return "it is no UTF-8"
    except json.JSONDecodeError as error:
        return f"it is no JSON ({error})"
    return None if isinstance(content, dict) else "it holds no JSON object"
