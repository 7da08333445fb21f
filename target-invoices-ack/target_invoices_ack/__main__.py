"""The command `target-invoices-ack`."""

from __future__ import annotations

import gc
import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `run`: no traceback of an import
gc.disable()  # what imports create stays, so looking for garbage meanwhile only costs time

from target_invoices_ack._shared.command import run  # noqa: E402
from target_invoices_ack.target import TargetInvoicesAck  # noqa: E402

gc.freeze()
gc.enable()


def main() -> None:
    """Run the target; every problem ends it with a line each and without a traceback."""
    run(TargetInvoicesAck.cli)


if __name__ == "__main__":
    main()
