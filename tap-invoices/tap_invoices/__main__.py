"""The command `tap-invoices`."""

from __future__ import annotations

import gc
import logging
import sys

gc.disable()  # what imports make stays: to look for garbage in between takes its time

from singer_sdk.exceptions import ConfigValidationError  # noqa: E402

from tap_invoices.errors import TapError  # noqa: E402
from tap_invoices.tap import TapInvoices  # noqa: E402

gc.freeze()
gc.enable()

_FAILED = 1


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


if __name__ == "__main__":
    main()
