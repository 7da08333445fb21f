"""The command `tap-invoices`."""

from __future__ import annotations


def main() -> None:
    """Run the tap's command line."""


if __name__ == "__main__":
    main()
