"""The command `target-invoices-ack`."""

from __future__ import annotations


def main() -> None:
    """Run the target's command line."""


if __name__ == "__main__":
    main()
