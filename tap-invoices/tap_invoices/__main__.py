"""The command `tap-invoices`."""

from __future__ import annotations

import gc
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `run`: no traceback of an import
gc.disable()  # imports leave no garbage, and looking for it takes time

from tap_invoices._shared.command import run  # noqa: E402
from tap_invoices.tap import TapInvoices  # noqa: E402

gc.freeze()
gc.enable()

_SWITCH_INTERVAL_S = 0.0005
"""How long a thread waits for its turn.

Python's 5 ms are longer than writing a page takes: a response that has arrived would be read
only when there is nothing left to write.
"""


def main() -> None:
    """Run the tap; every problem ends it with one line and no traceback."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    run(TapInvoices.cli)


if __name__ == "__main__":
    main()
