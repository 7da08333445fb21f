"""`python -m demo`, started by `python3 run.py demo`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from demo import screen
from demo.errors import Stop
from demo.story import Story
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from types import FrameType

_STOPPED = 128  # plus the signal, as shells tell it


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 run.py demo", description="The whole path.")
    parser.add_argument("--invoices", type=int, default=300, help="to begin with (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the sandbox's (default: any)")
    parser.add_argument("--stay", action="store_true", help="go on afterwards, run by run")
    parser.add_argument("--folder", type=Path, default=CHECKOUT / ".demo", help="%(default)s")
    return parser.parse_args()


def _end(signum: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # what was started has to be ended, undisturbed
    raise SystemExit(_STOPPED + signum)


def main() -> int:
    """Tell the story; every expected problem ends it with one line."""
    options = _arguments()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    for name in ("NO_PROXY", "no_proxy"):  # a company's proxy cannot reach this machine's servers
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))
    python = "python" + ".".join(platform.python_version_tuple()[:2])
    try:
        Story(
            options.folder / python,
            invoices=options.invoices,
            port=options.port,
            stay=options.stay,
        ).tell()
    except Stop as stop:
        print(f"\nStopped: {stop}", file=sys.stderr)
        return 1
    except SystemExit as ended:
        screen.console.print("\nStopped; nothing is left running.")
        raise SystemExit(ended.code) from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
