"""The fastest loader that could be: keeps the bytes in a file, prints the STATEs it has kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_STATE = b'{"type":"STATE"'


def main() -> None:
    """Load: `copying_loader.py FILE`, or `copying_loader.py FILE last` to print the last only."""
    last = b""
    with Path(sys.argv[1]).open("wb") as kept:
        for line in sys.stdin.buffer:
            kept.write(line)
            if line.startswith(_STATE):
                last = line
                if not sys.argv[2:]:
                    kept.flush()
                    confirm(line)
    if sys.argv[2:] and last:
        confirm(last)


def confirm(line: bytes) -> None:
    """Print what a STATE holds."""
    print(json.dumps(json.loads(line)["value"]), flush=True)


if __name__ == "__main__":
    main()
