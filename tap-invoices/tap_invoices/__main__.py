"""The command `tap-invoices`."""

from __future__ import annotations

import logging
import os
import sys

from singer_sdk.exceptions import ConfigValidationError

from tap_invoices.errors import TapError
from tap_invoices.tap import TapInvoices

_FAILED = 1
_PIPE_CLOSED = 128 + 13  # as shells tell a SIGPIPE


def main() -> None:
    """Run the tap; every expected problem ends it with one line and no traceback."""
    logger = logging.getLogger(TapInvoices.name)
    try:
        TapInvoices.cli()
    except TapError as error:
        logger.error("%s", error)  # noqa: TRY400 - a person reads this
        sys.exit(_FAILED)
    except ConfigValidationError as error:
        for each in error.errors:
            logger.error("Setting: %s", each)  # noqa: TRY400 - a person reads this
        sys.exit(_FAILED)
    except BrokenPipeError:
        logger.warning("The target closed the pipe; the next run goes on from its last STATE.")
        # What is still buffered has no reader: without this, Python complains at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_PIPE_CLOSED)


if __name__ == "__main__":
    main()
